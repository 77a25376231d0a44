import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { rows, sql } from '../../db/sql.ts';
import { startSyncsWorkflowId } from '../../domain/workflow-ids.ts';
import { installedProviders } from '../../services/boot.ts';
import { eventually } from '../support/eventually.ts';
import type { ApiClient } from '../support/client.ts';
import { temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

/** Accounts of the tenant with the backlog. */
const many = 100;
/** How long the provider takes for one answer, in milliseconds. */
const slowMs = 400;

let stack: TestStack;
let client: Client;
let crowded: ApiClient;
let other: ApiClient;
let isSlow = false;
beforeAll(async () => {
  const { unipile } = installedProviders;
  if (!unipile) throw new Error('there is no provider');
  const slow = {
    ...unipile,
    login: {
      ...unipile.login,
      check: async (...args: Parameters<typeof unipile.login.check>) => {
        if (isSlow) await pause(slowMs);
        return unipile.login.check(...args);
      },
    },
  };
  [stack, client] = await Promise.all([
    startTestStack({ RECONCILE_INTERVAL_SECONDS: '3600' }, { ...installedProviders, unipile: slow }),
    temporalClient(),
  ]);
  [crowded, other] = await Promise.all([stack.client('crowded'), stack.client('other')]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

async function connected(tenant: ApiClient, name: string): Promise<string> {
  const { body } = await tenant.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials: { username: `plain@${name}.example`, password: 'correct horse' },
  });
  await tenant.account(body.account.id, 'active');
  return body.account.id;
}

/** Accounts like `id`, which the provider does not know: their syncs take as long, and fail. */
const multiply = (id: string, count: number) =>
  stack.worker.context.db.system((em) =>
    rows(
      em,
      sql`insert into accounts (id, tenant_id, provider, channel, owner, metadata, credentials_id, provider_account_id,
            state, who, since, method, details_at, created_at, updated_at)
          select gen_random_uuid(), tenant_id, provider, channel, owner, metadata, credentials_id, id::text || n,
            state, who, since, method, details_at, created_at, updated_at
          from accounts cross join generate_series(1, ${count}::int) n where id = ${id}`,
    ),
  );
const tenantOf = async (id: string): Promise<string> => {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<{ tenant_id: string }>(em, sql`select tenant_id from accounts where id = ${id}`),
  );
  return row?.tenant_id ?? '';
};
const running = async (tenantId: string): Promise<number> => {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<{ n: number }>(
      em,
      sql`select count(*)::int as n from sync_runs where tenant_id = ${tenantId} and state = 'running'`,
    ),
  );
  return row?.n ?? 0;
};

it("one tenant's backlog of syncs, which a run starts, does not delay another tenant's sync", async () => {
  const [first, single] = [await connected(crowded, 'crowded'), await connected(other, 'other')];
  const tenantId = await tenantOf(first);
  await multiply(first, many - 1);
  isSlow = true;
  const { status, body } = await crowded.post('/api/v1/syncs', { kind: 'details' });
  expect(status).toBe(202);
  expect(body.items).toHaveLength(many);
  // The request opened them; a run started them.
  const starting = client.workflow.getHandle(startSyncsWorkflowId('details', tenantId));
  expect(await starting.result()).toEqual({ started: expect.any(Number), refused: 0 });
  await eventually('the first ones to end', async () => (await running(tenantId)) < many - 4);

  const { body: run } = await other.post(`/api/v1/accounts/${single}/syncs`, { kind: 'details' });
  await eventually('the single one', async () => {
    const { body: now } = await other.get(`/api/v1/syncs/${run.id}`);
    return now.state === 'succeeded';
  });
  const left = await running(tenantId);
  // In its turn it would be the last of all.
  expect(left).toBeGreaterThan(many / 4);
  isSlow = false;
  await eventually('the rest', async () => (await running(tenantId)) === 0);
});

it("operations over all accounts of one tenant do not delay another tenant's sync, nor its operation", async () => {
  const [first, single] = [await connected(crowded, 'bulk'), await connected(other, 'single')];
  const tenantId = await tenantOf(first);
  await multiply(first, many - 1);
  isSlow = true;
  const begin = (tenant: ApiClient, operation: string) =>
    tenant.post('/api/v1/bulk-operations', { operation, filter: {}, per_minute: 6_000 });
  const begun = [await begin(crowded, 'sync_details'), await begin(crowded, 'sync_conversations')];
  expect(begun.map(({ status }) => status)).toEqual([202, 202]);
  const counts = async () => (await crowded.get(`/api/v1/bulk-operations/${begun[0]?.body.id}`)).body.counts;
  await eventually('syncs of one tenant', async () => (await counts()).asked > 0);

  const { body: run } = await other.post(`/api/v1/accounts/${single}/syncs`, { kind: 'details' });
  const { body: small } = await begin(other, 'sync_details');
  await eventually('those of the other tenant', async () => {
    const { body: sync } = await other.get(`/api/v1/syncs/${run.id}`);
    const { body: operation } = await other.get(`/api/v1/bulk-operations/${small.id}`);
    return sync.state === 'succeeded' && operation.state === 'done';
  });
  // In their turn they would be the last of all.
  expect((await counts()).waiting).toBeGreaterThan(many / 4);
  isSlow = false;
  for (const { body } of begun) await crowded.post(`/api/v1/bulk-operations/${body.id}/cancel`, {});
  await eventually('the rest', async () => (await running(tenantId)) === 0, 90_000);
}, 180_000);
