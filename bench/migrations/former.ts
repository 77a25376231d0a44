import type pg from 'pg';

/** The last migration of before requests of webhooks had rows of their own. */
export const former = '0014-contacts-by-account';

/** How much a database of then holds. */
export interface Size {
  accounts: number;
  contacts: number;
  events: number;
}

/** Fills a database whose schema is at `former`, as the superuser: events of 60 days, half of them with a body. */
export async function fillFormer(admin: pg.Client, { accounts, contacts, events }: Size): Promise<void> {
  await admin.query('set synchronous_commit = off');
  await admin.query(base);
  await admin.query(accountsSql, [accounts]);
  await admin.query(attemptsSql);
  await admin.query(contactsSql, [contacts]);
  await admin.query(eventsSql, [events, accounts]);
  await admin.query(subjectsSql);
  await admin.query('analyze');
}

const base = `
insert into tenants (id, name, created_at) values (gen_random_uuid(), 'bench', now());
insert into provider_credentials (id, provider, settings, webhook_secrets, webhook_token, registrations, created_at,
  updated_at) values (gen_random_uuid(), 'unipile', '', '', 'bench', '[]', now(), now());`;

const accountsSql = `
insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id, state, who,
  since, secret, method, created_at, updated_at)
select gen_random_uuid(), t.id, 'unipile', 'whatsapp', 'owner-' || n, '{}', c.id, 'up-' || n, 'active', 'nobody', now(),
  'v1.00000000.' || repeat(md5(n::text), 8), 'hosted', now(), now()
from tenants t, provider_credentials c, generate_series(1, $1::int) n`;

const attemptsSql = `
insert into connection_attempts (id, tenant_id, account_id, number, operation, trigger, state, method, purge, started_at,
  deadline_at, ended_at, provider_account_id, undo, answers_left, looks)
select gen_random_uuid(), tenant_id, id, 1, 'connect', 'request', 'succeeded', 'hosted', false, now(), now(), now(),
  provider_account_id, '[]', 5, 1 from accounts`;

const contactsSql = `
insert into contacts (id, tenant_id, account_id, phone_number, name, is_business_account, wasender_sync_status,
  created_at, updated_at)
select gen_random_uuid(), a.tenant_id, a.id, '+49151' || n, 'Maya ' || n, false, 'synced', now(), now()
from generate_series(1, $1::int) n, (select id, tenant_id from accounts limit 1) a`;

/** Ids are in the order of their times, as UUIDv7 is. */
const eventsSql = `
insert into webhook_events (id, tenant_id, credentials_id, provider, account_id, provider_account_id, type, dedupe_key,
  state, body, deliveries, owes_signal, received_at)
select (lpad(to_hex(n), 8, '0') || substr(gen_random_uuid()::text, 9))::uuid, a.tenant_id, a.credentials_id,
  a.provider, a.id, a.provider_account_id, 'message_received', 'key ' || n, 'processed',
  case when n > $1::int / 2 then 'v1.00000000.' || repeat(md5(n::text), 20) end, 1, false,
  now() - ($1::int - n) * interval '60 days' / $1::int
from generate_series(1, $1::int) n join accounts a on a.provider_account_id = 'up-' || (n % $2::int + 1)`;

const subjectsSql = `
insert into webhook_subjects (event_id, digest, tenant_id)
select id, md5(id::text), tenant_id from webhook_events where body is not null`;
