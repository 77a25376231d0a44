import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../db/migrate.ts';
import { openDatabase, type Database } from '../../db/connect.ts';
import { dropWebhookDays } from '../../db/queries/retention/days.ts';
import { runSql } from '../support/run-sql.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import { createKeyset } from '../../platform/keyset.ts';
import { createTestDatabase, required, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const key = { id: 'datakey01', key: randomBytes(32) };
const vault = createKeyset([key], key);
const [tenant, credentials, account] = [newId(), newId(), newId()];

/** A database from before webhook requests had rows. */
let old: { name: string; url: string };
let admin: pg.Client;
let owner: pg.Client;
/** Creates the logins of the roles. */
let other: TestDatabase;
beforeAll(async () => {
  other = await createTestDatabase();
  admin = new pg.Client({ connectionString: required('PATCHBAY_TEST_PG_ADMIN_URL') });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await other?.drop();
});
beforeEach(async () => {
  const url = new URL(required('PATCHBAY_TEST_PG_OWNER_URL'));
  const name = `t_${randomBytes(6).toString('hex')}`;
  await admin.query(`create database ${name} owner ${url.username}`);
  url.pathname = `/${name}`;
  old = { name, url: url.href };
  await migrate(old.url, '0015-checks');
  owner = new pg.Client({ connectionString: old.url });
  await owner.connect();
  for (const table of ['tenants', 'provider_credentials', 'accounts', 'webhook_events', 'webhook_subjects'])
    await owner.query(`alter table ${table} no force row level security`);
  await owner.query("insert into tenants (id, name, created_at) values ($1, 'ours', now())", [tenant]);
  await owner.query(
    `insert into provider_credentials (id, provider, settings, webhook_secrets, webhook_token, registrations, created_at,
       updated_at) values ($1, 'unipile', '', '', 'token', '[]', now(), now())`,
    [credentials],
  );
  await owner.query(
    `insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id, state,
       who, since, method, created_at, updated_at)
     values ($1, $2, 'unipile', 'whatsapp', 'maya', '{}', $3, 'up-1', 'active', 'nobody', now(), 'qr', now(), now())`,
    [account, tenant, credentials],
  );
});
afterEach(async () => {
  await owner.end();
  await admin.query(`drop database if exists ${old.name} with (force)`);
});

interface OldEvent {
  id?: string;
  type?: string;
  state?: string;
  body?: string | null;
  matched?: boolean;
  receivedAt?: string;
}
async function insert({
  id = newId(),
  type = 'message_received',
  state = 'processed',
  ...more
}: OldEvent): Promise<string> {
  const { body = 'a body', matched = true, receivedAt = new Date().toISOString() } = more;
  await owner.query(
    `insert into webhook_events (id, tenant_id, credentials_id, provider, account_id, provider_account_id, type, dedupe_key,
       state, body, deliveries, owes_signal, received_at)
     values ($1, $2, $3, 'unipile', $4, 'up-1', $5, $6, $7, $8, 2, false, $9)`,
    [
      id,
      matched ? tenant : null,
      credentials,
      matched ? account : null,
      type,
      `key ${id}`,
      state,
      body === null ? null : vault.seal(body, sealed.webhookBody(id)),
      receivedAt,
    ],
  );
  return id;
}
const noteSubject = (id: string, digest: string): Promise<unknown> =>
  owner.query('insert into webhook_subjects (event_id, digest, tenant_id) values ($1, $2, $3)', [id, digest, tenant]);

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

/** Runs `work` as the system. */
async function asSystem<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const url = new URL(other.url);
  url.pathname = `/${old.name}`;
  const db = await openDatabase(url.href, { pool: { app: 1, system: 1 } });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

it('converts each old event to a request with one event, with its id and its sealed body', async () => {
  const plain = await insert({ receivedAt: '2026-01-02T03:04:05.678Z' });
  await noteSubject(plain, 'ana');
  const unmatched = await insert({ state: 'unmatched', matched: false });
  const failed = await insert({ type: 'unreadable', state: 'failed', matched: false });
  const status = await insert({ type: 'account_status.ok', body: null });
  const many = await insert({ type: 'contacts.upsert', state: 'failed' });
  for (const digest of ['many', 'bo']) await noteSubject(many, digest);

  expect(await migrate(old.url)).toEqual(expect.arrayContaining(['0022-webhook-requests', '0023-webhook-rows']));
  await asSystem(async (db) => {
    const found = await db.system((em) =>
      runSql<any>(
        em,
        `select e.id, e.request_id, e.kind, e.state, e.account_id, e.tenant_id, e.deliveries, e.error, e.received_at, r.body,
           r.state as read, e.received_at = r.received_at as together, e.position,
           array(select digest from webhook_subjects s where s.request_id = r.id and s.received_at = r.received_at) as people,
           (select count(*)::int from webhook_dedupe d where d.event_id = e.id and d.key = e.dedupe_key) as keys
         from webhook_events e join webhook_requests r on r.id = e.request_id`,
      ),
    );
    const of = (id: string) => found.find((one) => one.id === id);
    expect(found).toHaveLength(5);
    for (const one of found)
      expect(one).toMatchObject({ request_id: one.id, together: true, position: 0, keys: 1, deliveries: 2 });
    expect(of(plain)).toMatchObject({ kind: 'other', state: 'processed', account_id: account, people: ['ana'] });
    expect(new Date(of(plain).received_at).toISOString()).toBe('2026-01-02T03:04:05.678Z');
    expect(vault.open(of(plain).body, sealed.webhookBody(plain))).toBe('a body');
    expect(of(unmatched)).toMatchObject({ state: 'unmatched', tenant_id: null });
    expect(of(failed)).toMatchObject({ kind: 'unreadable', state: 'failed', read: 'unreadable' });
    expect(of(status)).toMatchObject({ kind: 'account_status', body: null });
    expect(of(many)).toMatchObject({
      state: 'processed',
      body: null,
      people: [],
      error: expect.stringContaining('5,000'),
    });
    expect(await db.system((em) => runSql(em, "select relname from pg_class where relname like '%\\_old'"))).toEqual(
      [],
    );
  });
});

it('locks none of the new tables against readers while it moves events', async () => {
  const moved = await insert({ receivedAt: daysAgo(3).toISOString() });
  await migrate(old.url, '0022-webhook-requests');
  const holder = new pg.Client({ connectionString: old.url, options: '-c role=patchbay_system' });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from webhook_events_old where id = $1 for update', [moved]);
  const migrated = migrate(old.url);
  try {
    await eventually('the batch waits for the event', async () => {
      const { rowCount } = await admin.query(
        `select from pg_stat_activity
         where datname = $1 and wait_event_type = 'Lock' and query like '%delete from webhook_events_old%'`,
        [old.name],
      );
      return rowCount;
    });
    await owner.query("set lock_timeout = '500ms'");
    for (const table of ['webhook_requests', 'webhook_events', 'webhook_subjects'])
      await owner.query(`select from ${table}`);
  } finally {
    await holder.end();
  }
  expect(await migrated).toContain('0023-webhook-rows');
});

it('makes no partitions of days that the next maintenance drops', async () => {
  const [dropped, kept] = await Promise.all(
    [200, 80].map((days) => insert({ body: null, receivedAt: daysAgo(days).toISOString() })),
  );
  await insert({ receivedAt: daysAgo(29).toISOString() });
  await migrate(old.url);
  await asSystem(async (db) => {
    const partitions = async () => {
      const found = await db.system((em) =>
        runSql<any>(em, 'select id, tableoid::regclass::text as name from webhook_events'),
      );
      return Object.fromEntries(found.map(({ id, name }) => [id, name]));
    };
    const name = `webhook_events_${daysAgo(80).toISOString().slice(0, 10).replaceAll('-', '')}`;
    expect(await partitions()).toMatchObject({ [dropped!]: 'webhook_events_default', [kept!]: name });
    await db.system((em) => dropWebhookDays(em, daysAgo(30)));
    expect(await partitions()).not.toHaveProperty(dropped!);
    expect(await partitions()).toHaveProperty(kept!);
  });
});

it('continues after a kill, and moves each event once', async () => {
  await migrate(old.url, '0022-webhook-requests');
  await owner.query(
    `insert into webhook_events_old (id, credentials_id, provider, type, dedupe_key, state, deliveries, owes_signal,
       received_at)
     select gen_random_uuid(), $1, 'unipile', 'x', 'key ' || n, 'unmatched', 1, false,
       now() - (n % 40) * interval '1 day' from generate_series(1, 12000) n`,
    [credentials],
  );
  await owner.query('alter table webhook_events no force row level security');
  // Its third batch meets an event that cannot be moved.
  const { rows: last } = await owner.query('select id from webhook_events_old order by id desc limit 1');
  await owner.query(
    `insert into webhook_events (id, request_id, position, credentials_id, provider, kind, type, dedupe_key, state,
       deliveries, owes_signal, received_at)
     select id, id, 0, credentials_id, provider, 'other', type, dedupe_key, state, 1, false, received_at
     from webhook_events_old where id = $1`,
    [last[0].id],
  );
  await expect(migrate(old.url)).rejects.toThrow(/duplicate key/);
  const { rows: left } = await owner.query('select count(*)::int as n from webhook_events_old');
  expect(left[0].n).toBe(2_000);
  await owner.query('delete from webhook_events where id = $1', [last[0].id]);
  expect(await migrate(old.url)).toContain('0023-webhook-rows');
  await asSystem((db) =>
    db.system(async (em) => {
      const [counts] = await runSql<any>(
        em,
        `select (select count(*)::int from webhook_events) as events, (select count(*)::int from webhook_requests) as requests,
           (select count(*)::int from webhook_dedupe) as keys,
           (select count(*)::int from only webhook_events e where tableoid = 'webhook_events_default'::regclass) as unassigned`,
      );
      expect(counts).toEqual({ events: 12_000, requests: 12_000, keys: 12_000, unassigned: 0 });
    }),
  );
});
