import type pg from 'pg';

/** How much a tenant has to read. */
export interface InboxSize {
  conversations: number;
  messages: number;
}

/** Accounts of the tenant; every thirtieth is of LinkedIn, the others of WhatsApp. */
const accounts = 60;

/**
 * Fills a migrated database with a tenant's accounts, contacts, attendees, conversations and messages, in a few statements.
 * Ids are told by `inboxId`. Every message has the word `hello`, one in `messages / 20` the word `lighthouse`. `admin` is a
 * superuser's connection.
 */
export async function addInbox(
  admin: pg.Client,
  tenant: string,
  prefix: number,
  { conversations, messages }: InboxSize,
): Promise<void> {
  const id = (kind: string, n: string): string =>
    `('${prefix}${kind}000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
  const account = id('a', `n % ${accounts} + 1`);
  // Triggers of foreign keys would check each row.
  await admin.query("begin; set local session_replication_role = 'replica'; set local synchronous_commit = off");
  await admin.query(
    `insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, who, since, method, reported_since,
       created_at, updated_at)
     select ${id('a', 'n')}, '${tenant}', 'unipile', case when n % 30 = 0 then 'linkedin' else 'whatsapp' end, 'owner-' || n,
       '{}', 'active', 'nobody', now(), 'qr', false, now(), now() from generate_series(1, ${accounts}) n`,
  );
  await admin.query(
    `insert into contacts (id, tenant_id, account_id, phone_number, name, is_business_account, wasender_jid,
       wasender_sync_status, created_at, updated_at)
     select ${id('c', 'n')}, '${tenant}', ${account}, '+1555' || lpad(n::text, 7, '0'), 'Person ' || md5(n::text), false,
       '1555' || lpad(n::text, 7, '0') || '@s.whatsapp.net', 'synced', now(), now()
     from generate_series(1, ${conversations}) n where n % 2 = 0`,
  );
  await admin.query(
    `insert into contact_aliases (account_id, kind, value, tenant_id, contact_id)
     select account_id, 'jid', wasender_jid, tenant_id, id from contacts where tenant_id = '${tenant}'`,
  );
  await admin.query(
    `insert into attendees (id, tenant_id, account_id, provider_attendee_id, name, phone_number, is_self, created_at, updated_at)
     select ${id('b', 'n')}, '${tenant}', ${account}, '1555' || lpad(n::text, 7, '0') || '@s.whatsapp.net',
       'Attendee ' || md5('a' || n), '+1555' || lpad(n::text, 7, '0'), false, now(), now()
     from generate_series(1, ${conversations}) n`,
  );
  await admin.query(
    `insert into provider_keys (account_id, kind, key, tenant_id, target_id, created_at)
     select account_id, 'attendee', provider_attendee_id, tenant_id, id, now() from attendees where tenant_id = '${tenant}'`,
  );
  await admin.query(
    `insert into conversations (id, tenant_id, account_id, provider_conversation_id, kind, name, last_message_id,
       last_message_at, unread_count, marked_unread, muted, archived, pinned, read_only, labels, created_at, updated_at)
     select ${id('d', 'n')}, '${tenant}', ${account}, 'chat-' || n, case when n % 10 = 0 then 'group' else 'person' end,
       case when n % 10 = 0 then 'Group ' || md5('g' || n) end, ${id('e', 'n')}, now() - n * interval '1 minute',
       case when n % 50 = 0 then 3 else 0 end, false, false, n % 40 = 0, n % 1000 = 0, false,
       case when n % 500 = 0 then '{vip}'::text[] else '{}' end, now(), now()
     from generate_series(1, ${conversations}) n`,
  );
  await admin.query(
    `insert into conversation_attendees (conversation_id, attendee_id, tenant_id)
     select ${id('d', 'n')}, ${id('b', 'n')}, '${tenant}' from generate_series(1, ${conversations}) n`,
  );
  await admin.query(
    `insert into messages (id, tenant_id, account_id, conversation_id, sort_key, direction, sender_id, text, versions, status,
       sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
     select ${id('e', 'm')}, '${tenant}', ${account}, ${id('d', 'n')}, m::text, 'in', ${id('b', 'n')},
       'hello ' || md5('m' || m) || ' ' || md5('w' || m % 1000) || case when m % (${messages} / 20) = 0 then ' lighthouse' else '' end,
       '[]', 'sent', now() - m * interval '10 seconds', true, false, 'webhook', true, '[]', now(), now()
     from (select m, (m - 1) % ${conversations} + 1 as n from generate_series(1, ${messages}) m) g`,
  );
  await admin.query('commit');
}

/** An id that `addInbox` gives: `a` accounts, `b` attendees, `c` contacts, `d` conversations, `e` messages; `f` none. */
export const inboxId = (prefix: number, kind: 'a' | 'b' | 'c' | 'd' | 'e' | 'f', n: number): string =>
  `${prefix}${kind}000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
