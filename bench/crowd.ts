import type pg from 'pg';

/** How many rows a database is given. */
export interface CrowdSize {
  accounts: number;
  events: number;
  /** Accounts that an earlier call added. */
  have?: number;
}

/** SQL of the id of the row `n` of a kind, a hexadecimal digit. */
const id = (kind: string, n: string): string =>
  `('0${kind}000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** The conversations of accounts, and the messages of the events in the table `crowd`. */
function messaging(tenant: string, accounts: number, have: number): string[] {
  const series = `generate_series(${have + 1}, ${accounts}) n`;
  return [
    `insert into conversations (id, tenant_id, account_id, provider_conversation_id, kind, last_message_at, unread_count,
       marked_unread, muted, archived, pinned, read_only, labels, created_at, updated_at)
     select ${id('1', 'n')}, '${tenant}', ${id('b', 'n')}, 'chat-' || n, 'person', now(), 0, false, false, false, false,
       false, '{}', now(), now() from ${series}`,
    `insert into attendees (id, tenant_id, account_id, provider_attendee_id, name, is_self, created_at, updated_at)
     select ${id('2', 'n')}, '${tenant}', ${id('b', 'n')}, 'person-' || n, 'Person ' || n, false, now(), now()
     from ${series}`,
    `insert into conversation_attendees (conversation_id, attendee_id, tenant_id)
     select ${id('1', 'n')}, ${id('2', 'n')}, '${tenant}' from ${series}`,
    `insert into messages (id, tenant_id, account_id, conversation_id, provider_message_id, sort_key, direction, sender_id,
       text, versions, status, sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at,
       updated_at)
     select ${id('3', 'n')}, '${tenant}', ${id('b', 'account')}, ${id('1', 'account')}, 'message-' || n, 'message-' || n,
       'in', ${id('2', 'account')}, 'message number ' || n, '[]', 'delivered', at, true, false, 'webhook', true, '[]', at,
       at from crowd`,
    ...[
      ['conversation', "'chat-' || n", id('1', 'n'), id('b', 'n'), series],
      ['attendee', "'person-' || n", id('2', 'n'), id('b', 'n'), series],
      ['message', "'message-' || n", id('3', 'n'), id('b', 'account'), 'crowd'],
    ].map(
      ([kind, name, target, account, from]) =>
        `insert into provider_keys (account_id, kind, key, tenant_id, target_id, created_at)
         select ${account}, '${kind}', ${name}, '${tenant}', ${target}, now() from ${from}`,
    ),
    `update conversations c set unread_count = m.n, last_message_id = m.id from (
       select conversation_id, count(*) as n, (array_agg(id order by sent_at desc))[1] as id from messages
       group by conversation_id) m where m.conversation_id = c.id`,
  ];
}

/**
 * Fills a migrated database with accounts that are at rest and with webhook events of theirs, in a few statements. Every
 * account is of UniPile, by the installation's credentials, known as `crowd-1`, `crowd-2` and so on, and `tenant`'s, which
 * exists. Each account has one conversation, `chat-1`, `chat-2` and so on, and each event is a message in it. `admin` is a
 * superuser's connection.
 */
export async function addCrowd(
  admin: pg.Client,
  tenant: string,
  { accounts, events, have = 0 }: CrowdSize,
): Promise<void> {
  const spread = "now() - interval '3 days' * random()";
  // Triggers of foreign keys would check each row.
  await admin.query("begin; set local session_replication_role = 'replica'; set local synchronous_commit = off");
  await admin.query(
    "select ensure_partitions(array['webhook_requests', 'webhook_events', 'webhook_subjects', 'events'], now() - interval '3 days', 4)",
  );
  await admin.query(
    `insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id, identity,
       state, who, since, method, details_at, contacts_due_at, created_at, updated_at)
     select ${id('b', 'n')}, '${tenant}', 'unipile', 'whatsapp', 'owner-' || n, '{}', c.id, 'crowd-' || n, '+1555' || n,
       'active', 'nobody', now(), 'hosted', now(), now() + interval '1 day', now(), now()
     from generate_series(${have + 1}, ${accounts}) n, provider_credentials c where c.tenant_id is null and c.provider = 'unipile'`,
  );
  await admin.query(
    `insert into account_counts (tenant_id, provider, channel, state, who, accounts)
     values ('${tenant}', 'unipile', 'whatsapp', 'active', 'nobody', ${accounts - have})`,
  );
  // Its trigger is off.
  await admin.query(
    `insert into account_visits (account_id, tenant_id, credentials_id, due_at, visited_at, last_event_at)
     select id, tenant_id, credentials_id, now() + interval '1 hour' * random(), now(), now() from accounts
     where provider_account_id like 'crowd-%' on conflict do nothing`,
  );
  await admin.query(
    `insert into connection_attempts (id, tenant_id, account_id, number, operation, trigger, state, method, purge, started_at,
       deadline_at, ended_at, provider_account_id, undo, answers_left, checks)
     select ${id('c', 'n')}, '${tenant}', ${id('b', 'n')}, 1, 'connect', 'api', 'succeeded', 'hosted', false, now(),
       now(), now(), 'crowd-' || n, '[]', 5, 0 from generate_series(${have + 1}, ${accounts}) n`,
  );
  await admin.query(
    `insert into connection_steps (id, tenant_id, account_id, attempt_id, number, kind, again, can_resend,
       can_try_another_way, created_at, answers_left)
     select ${id('d', 'n')}, '${tenant}', ${id('b', 'n')}, ${id('c', 'n')}, 1, 'done', false, false, false, now(), 5
     from generate_series(${have + 1}, ${accounts}) n`,
  );
  await admin.query(
    `insert into account_events (id, tenant_id, account_id, at, kind, text, data)
     select ${id('e', 'n')}, '${tenant}', ${id('b', 'n')}, now(), 'state', 'The account works.', '{}'
     from generate_series(${have + 1}, ${accounts}) n`,
  );
  await admin.query(
    `insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, scope, started_at, ended_at)
     select ${id('f', 'n')}, '${tenant}', ${id('b', 'n')}, 'details', 'succeeded', false, false, '{}', '', ${spread}, now()
     from generate_series(${have + 1}, ${accounts}) n`,
  );
  await admin.query(
    `create temporary table crowd on commit drop as
     select ('0198' || substr(md5('event' || n), 5))::uuid as id, ('0198' || substr(md5('request' || n), 5))::uuid as request,
       n % ${accounts} + 1 as account, c.id as credentials, ${spread} as at, n
     from generate_series(1, ${events}) n, provider_credentials c where c.tenant_id is null and c.provider = 'unipile'`,
  );
  await admin.query(
    `insert into webhook_requests (id, tenant_id, credentials_id, provider, state, body, headers, received_at)
     select request, '${tenant}', credentials, 'unipile', 'read', 'v2.sealed', '{}', at from crowd`,
  );
  await admin.query(
    `insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id,
       provider_account_id, kind, type, dedupe_key, state, deliveries, owes_signal, received_at, processed_at)
     select id, request, 0, '${tenant}', credentials, 'unipile', ${id('b', 'account')}, 'crowd-' || account, 'message',
       'message_received', 'crowd-event-' || n, 'processed', 1, false, at, at from crowd`,
  );
  await admin.query(
    `insert into webhook_subjects (request_id, digest, tenant_id, received_at)
     select request, 'digest-' || account, '${tenant}', at from crowd`,
  );
  await admin.query(
    `insert into webhook_dedupe (credentials_id, key, tenant_id, event_id, received_at)
     select credentials, 'crowd-event-' || n, null, id, at from crowd order by at`,
  );
  for (const statement of messaging(tenant, accounts, have)) await admin.query(statement);
  await admin.query('commit');
  await admin.query('analyze');
}
