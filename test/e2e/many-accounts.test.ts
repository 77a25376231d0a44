import pg from 'pg';
import type { RawBuilder } from 'kysely';
import { runSql } from '../support/run-sql.ts';
import { stalledAccountsQuery } from '../../db/queries/stalled/stalled-accounts.ts';
import { rows as rowsOf, sql } from '../../db/sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
const many = 10_000;
beforeAll(async () => {
  stack = await startTestStack();
  await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'maya' });
  await stack.worker.context.db.system(async (em) => {
    await runSql(
      em,
      `insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id,
         identity, state, who, since, details_at, method, created_at, updated_at)
       select gen_random_uuid(), tenant_id, provider, 'linkedin', 'owner' || n, '{}', credentials_id, 'many' || n,
         'id' || n, 'active', 'nobody', now(), now(), 'credentials', now(), now()
       from accounts, generate_series(1, ?) n where channel = 'whatsapp'`,
      [many],
    );
    await runSql(
      em,
      `insert into connection_attempts (id, tenant_id, account_id, number, operation, trigger, state, method, purge,
         started_at, deadline_at, ended_at, undo, answers_left, checks)
       select gen_random_uuid(), tenant_id, id, 1, 'connect', 'request', 'succeeded', method, false, now(), now(), now(),
         '[]', 5, 1
       from accounts where channel = 'linkedin'`,
    );
  });
  // As autovacuum does later.
  const owner = new pg.Client({ connectionString: stack.database.ownerUrl });
  await owner.connect();
  await owner.query('vacuum analyze');
  await owner.end();
}, 120_000);
afterAll(() => stack?.stop());

/** With the rows that PostgreSQL really read. */
async function plan(statement: RawBuilder<unknown>): Promise<string> {
  const lines = await stack.worker.context.db.system((em) =>
    rowsOf<{ 'QUERY PLAN': string }>(em, sql`explain (analyze, buffers off, timing off, costs off) ${statement}`),
  );
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}
/** Discarded rows included. */
const rowsRead = (text: string): number =>
  [...text.matchAll(/actual rows=(\d+)|Rows Removed by Filter: (\d+)/g)].reduce(
    (sum, [, read = 0, removed = 0]) => sum + Number(read) + Number(removed),
    0,
  );

it('lists ten thousand accounts page by page, each page at the cost of the first', async () => {
  const ids = new Set<string>();
  let cursor: string | null = null;
  do {
    const { body } = await stack.api.get(
      `/api/v1/accounts?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    );
    for (const { id } of body.items) ids.add(id);
    cursor = body.next_cursor;
  } while (cursor);
  expect(ids.size).toBe(many + 1);
  const last = [...ids].at(-2) ?? '';
  const tenant = (
    await stack.worker.context.db.system((em) => runSql<{ id: string }>(em, 'select id from tenants limit 1'))
  )[0];
  const page = (after: string) =>
    sql`select * from accounts where tenant_id = ${tenant?.id}::uuid and merged_into is null and id > ${after}::uuid
        order by id limit 201`;
  for (const after of ['00000000-0000-0000-0000-000000000000', last])
    expect(rowsRead(await plan(page(after)))).toBeLessThan(1_000);
});

it('finds stalled accounts among them without reading the others', async () => {
  const now = new Date();
  const since = { requested: now, passed: now, woken: now, begun: now, unsent: now, ended: now };
  const question = stalledAccountsQuery(since, '00000000-0000-0000-0000-000000000000', 500);
  expect(rowsRead(await plan(question))).toBeLessThan(1_000);
});

it('connects another account with another worker beside them', async () => {
  const worker = await stack.startWorker();
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'late',
    credentials: { username: 'plain@late.example', password: 'p' },
  });
  await stack.api.account(body.account.id, 'active');
  await worker.stop();
});
