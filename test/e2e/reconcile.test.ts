import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { rows, sql } from '../../db/sql.ts';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import { openContext } from '../../services/boot.ts';
import type { Context } from '../../services/context.ts';
import { createReconciler } from '../../services/reconcile/reconcile.ts';
import { startReconciling } from '../../workers/reconciling.ts';
import { project, startRole, type RoleProcess } from '../deploy/role-process.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { signalsOf, temporalClient } from '../support/history.ts';
import { testKey } from '../support/key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let client: Client;
beforeAll(async () => {
  // Only the test repairs.
  [stack, client] = await Promise.all([startTestStack({ RECONCILE_INTERVAL_SECONDS: '3600' }), temporalClient()]);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

/** An active account whose check was requested a while ago by an event whose signal was lost. */
async function stalled(name: string): Promise<string> {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials: { username: `plain@${name}.example`, password: 'correct horse' },
  });
  const { id } = body.account;
  await stack.api.account(id, 'active');
  // A report of the provider that comes late starts one more run.
  await eventually('the reports of the login', async () => (await owed(id)).length === 0);
  await client.workflow.getHandle(connectionWorkflowId(id)).result();
  await requestCheck(id);
  return id;
}
const owed = (id: string): Promise<unknown[]> =>
  stack.db.system((em) =>
    rows(
      em,
      sql`select 1 from accounts where id = ${id} and check_requested_at is not null
          union all select 1 from webhook_events where account_id = ${id} and (owes_signal or state = 'received')`,
    ),
  );
const requestCheck = (id: string): Promise<unknown> =>
  stack.db.system((em) =>
    rows(em, sql`update accounts set check_requested_at = now() - interval '1 minute' where id = ${id}`),
  );
const isChecked = (id: string) => async (): Promise<boolean> => {
  const [row] = await stack.db.system((em) =>
    rows<{ open: boolean }>(em, sql`select check_requested_at is not null as open from accounts where id = ${id}`),
  );
  return row?.open === false;
};

describe('a repair', () => {
  it('of one refused account does not stop the others, and is retried later', async () => {
    const ids = [await stalled('refused'), await stalled('neighbour')].sort();
    const [refused = '', neighbour = ''] = ids;
    const { context } = stack.worker;
    const { temporal } = context;
    let isRefusing = true;
    let tries = 0;
    const reconciler = createReconciler(
      {
        ...context,
        temporal: {
          ...temporal,
          remindConnection: (account, cause, deadlineMs) => {
            if (account.accountId !== refused) return temporal.remindConnection(account, cause, deadlineMs);
            tries += 1;
            return isRefusing
              ? Promise.reject(new Error('refused'))
              : temporal.remindConnection(account, cause, deadlineMs);
          },
        },
      },
      15_000,
    );
    const round = (): Promise<void> => reconciler.round(() => false);
    await round();
    await eventually("the neighbour's check", isChecked(neighbour));
    expect(tries).toBe(1);
    await round();
    expect(tries).toBe(1);
    isRefusing = false;
    await stack.control.post('/clock', { advance_seconds: 20 });
    await eventually('the clock', async () => {
      await round();
      return tries === 2;
    });
    await eventually('its check', isChecked(refused));
  });

  it('that stops does not stop the next one', async () => {
    const { context } = stack.worker;
    const id = await stalled('next');
    const started: string[] = [];
    const down = Object.assign(new Error('Temporal is down'), { code: 14, details: '', metadata: {} });
    const reconciler = createReconciler(
      {
        ...context,
        temporal: {
          ...context.temporal,
          remindConnection: () => Promise.reject(down),
          startSyncDetails: (account) => {
            started.push(account.accountId);
            return Promise.resolve();
          },
        },
      },
      15_000,
    );
    await context.db.system((em) =>
      rows(
        em,
        sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at)
            select gen_random_uuid(), tenant_id, id, 'details', '', 'running', false, false, '{}', now() - interval '1 hour'
            from accounts where id = ${id}`,
      ),
    );
    await reconciler.round(() => false);
    expect(started).toEqual([id]);
  });
});

it('a run that takes no more signals is ended with a named reason, and a new one continues', async () => {
  const limit = Number(required('PATCHBAY_TEST_SIGNAL_LIMIT'));
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'whatsapp',
    owner: 'maya',
  });
  const { account } = body;
  const workflowId = connectionWorkflowId(account.id);
  const before = await client.workflow.getHandle(workflowId).describe();
  const spent = client.workflow.getHandle(workflowId, before.runId);
  for (let sent = 0; sent < limit; sent += 50)
    await Promise.allSettled(Array.from({ length: 50 }, () => spent.signal('refresh')));
  await expect(spent.signal('refresh')).rejects.toThrow();
  await stack.worker.context.temporal.signalConnection(
    { ...(await refOf(account.id)), channel: 'whatsapp', provider: 'unipile' },
    'webhook',
    10_000,
  );
  const after = await client.workflow.getHandle(workflowId).describe();
  expect(after.runId).not.toBe(before.runId);
  expect(after.status.name).toBe('RUNNING');
  const history = await spent.fetchHistory();
  expect(history.events?.at(-1)?.workflowExecutionTerminatedEventAttributes?.reason).toMatch(/^signal_limit: /);
  // The login continues.
  const { provider_account_id: upstream } = (await stack.api.get(`/api/v1/accounts/${account.id}`)).body;
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(account.id, 'active');
  expect((await client.workflow.getHandle(workflowId).describe()).runId).toBe(after.runId);
});

describe('without a worker that runs workflows', () => {
  let id: string;
  let context: Context;
  let close: () => Promise<void>;
  beforeAll(async () => {
    id = await stalled('unread');
    await stack.worker.stop();
    ({ context, close } = await openContext(stack.config, { name: 'cli', database: { pool: { app: 2, system: 2 } } }));
  });
  afterAll(async () => {
    await close?.();
    stack.worker = await stack.startWorker();
  }, 60_000);

  it('no signal follows one that the run has not read, by whatever leader, until a worker reads it', async () => {
    let now = Date.now();
    const clock = { now: () => new Date(now) };
    for (let leader = 0; leader < 3; leader += 1) {
      const reconciler = createReconciler({ ...context, clock }, 15_000);
      for (let round = 0; round < 5; round += 1) {
        await reconciler.round(() => false);
        now += 3_600_000;
      }
    }
    const handle = client.workflow.getHandle(connectionWorkflowId(id));
    expect(signalsOf(await handle.fetchHistory())).toBe(1);
    const worker = await stack.startWorker();
    await eventually('the check', async () => {
      const [row] = await context.db.system((em) =>
        rows<{ open: boolean }>(em, sql`select check_requested_at is not null as open from accounts where id = ${id}`),
      );
      return row?.open === false;
    });
    await worker.stop();
  });

  it('a Temporal that never answers about Schedules does not hold the repairs up', async () => {
    await context.db.system((em) =>
      rows(em, sql`update accounts set check_requested_at = now() - interval '1 minute' where id = ${id}`),
    );
    let repaired = 0;
    const slow = Promise.withResolvers<void>();
    const reconciling = startReconciling({
      ...context,
      config: { ...context.config, RECONCILE_INTERVAL_SECONDS: 0.1 },
      temporal: {
        ...context.temporal,
        ensureSearchAttributes: () => slow.promise,
        ensureSchedules: () => slow.promise,
        // Each is about a new request, which is due at once.
        remindConnection: async () => {
          repaired += 1;
          await context.db.system((em) =>
            rows(
              em,
              sql`update accounts set check_requested_at = check_requested_at - interval '1 second' where id = ${id}`,
            ),
          );
        },
      },
    });
    await eventually('three repairs', () => Promise.resolve(repaired >= 3));
    slow.resolve();
    await reconciling.stop();
  });
});

describe('one leader', () => {
  const workers: RoleProcess[] = [];
  // The stack's own worker would lead.
  beforeAll(() => stack.worker.stop());
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    stack.worker = await stack.startWorker();
  }, 60_000);

  it('repairs, and another worker takes over after it was killed', async () => {
    const { config } = stack;
    const start = (): RoleProcess => {
      const worker = startRole([process.execPath, join(project, 'workers/main.ts')], {
        DATABASE_URL: config.DATABASE_URL,
        TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
        TEMPORAL_TASK_QUEUE: config.TEMPORAL_TASK_QUEUE,
        ENCRYPTION_KEY: testKey,
        PUBLIC_URL: config.PUBLIC_URL,
        UNIPILE_DSN: config.providers['unipile']?.['dsn'] ?? '',
        UNIPILE_ACCESS_TOKEN: 'sandbox-key',
        SANDBOX_CONTROL_URL: config.SANDBOX_CONTROL_URL ?? '',
        RECONCILE_INTERVAL_SECONDS: '1',
        SHUTDOWN_GRACE_SECONDS: '1',
      });
      workers.push(worker);
      return worker;
    };
    const leads = 'this worker reconciles now';
    const first = start();
    await first.prints(leads);
    const second = start();
    await second.prints('worker ready');
    const id = await stalled('leader');
    await eventually('the check', isChecked(id));
    expect(second.output()).not.toContain(leads);

    first.kill('SIGKILL');
    await first.ended;
    await second.prints(leads);
    await requestCheck(id);
    await eventually('the check by the second', isChecked(id));

    // A stopping leader releases the lock.
    const third = start();
    await third.prints('worker ready');
    await second.stop();
    await third.prints(leads);
  }, 180_000);
});

const refOf = async (accountId: string): Promise<{ tenantId: string; accountId: string }> => {
  const [row] = await stack.db.system((em) =>
    rows<{ tenant_id: string }>(em, sql`select tenant_id from accounts where id = ${accountId}`),
  );
  return { tenantId: row?.tenant_id ?? '', accountId };
};
