import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import type { Report } from '../../dev/parts/progress.ts';
import { agree } from '../../dev/demo/dialog.ts';
import { loadConfig, openContext, type OpenedContext } from '../../services/boot.ts';
import { createLog } from '../../platform/log.ts';
import { atMost, faster, informative, type Row } from '../row.ts';
import { startBenchStack, until, type BenchStack } from '../stack.ts';
import { addFleet, makeDue, settle, sweptOf, type Anchors } from './fleet.ts';
import { runSchedules } from './schedules.ts';
import { openClient, runSweep, type SweepRun } from './run.ts';

/** Half of the sweep's period, in seconds. */
const halfPeriod = 150;
/** The most Temporal actions for each idle account, and the most events of one history. */
const goals = { actionsPerAccount: 0.01, events: 2_000 };
/** The size at which a Schedule for each account is measured. */
const scheduled = 100;
const patienceMs = 600_000;

/** The sweep of platforms over fleets of 100, 1,000 … accounts, and one Schedule for each account. */
export async function sweep(options: { fleet: number }, report: Report, signal: AbortSignal): Promise<Row[]> {
  const sizes = [100, 1_000, 10_000, 100_000].filter((size) => size <= options.fleet);
  const measured: Row[] = [];
  for (const size of sizes.length ? sizes : [options.fleet]) {
    signal.throwIfAborted();
    measured.push(...(await ofSize(size, report, signal)));
  }
  return measured;
}

async function ofSize(size: number, report: Report, signal: AbortSignal): Promise<Row[]> {
  const settings = {
    PLATFORM_SYNC_ENABLED: 'false',
    WASENDER_AUTO_SYNC_ENABLED: 'false',
    RATE_LIMIT_PER_MINUTE: '1000000',
  };
  const stack = await startBenchStack(settings, report, signal);
  const { sandbox } = stack.describe();
  let opened: OpenedContext | null = null;
  let client: Client | null = null;
  try {
    opened = await openContext(
      loadConfig(stack.settings),
      { name: 'cli', database: { pool: { app: 8, system: 8 } } },
      { log: createLog('bench', 'silent') },
    );
    const { context } = opened;
    const temporal = await openClient(context);
    client = temporal;
    if (!sandbox) throw new Error('the stack has no sandbox');
    await addFleet(context, sandbox, await anchorsOf(stack), size);
    await stack.admin.query('vacuum (analyze)');
    const sweepOnce = async (): Promise<SweepRun> => {
      await makeDue(context);
      const run = await runSweep(temporal, context.config.TEMPORAL_TASK_QUEUE, patienceMs);
      const swept = await sweptOf(context);
      const left = swept.reduce((sum, { all, visited }) => sum + all - visited, 0);
      if (left) throw new Error(`the sweep left ${left} accounts: ${JSON.stringify(swept)}`);
      return run;
    };
    await makeDue(context);
    await settle(context, () => runSweep(temporal, context.config.TEMPORAL_TASK_QUEUE, patienceMs));
    const one = await sweepOnce();
    report(`  ${size} accounts, one worker: ${one.seconds.toFixed(1)} s, ${one.actions} actions, ${one.events} events`);
    const megabytes = rssOf(stack.describe().pids.worker ?? 0);
    const second = startWorker(stack);
    await until('the second worker', async () => (second.output.includes('worker ready') ? true : null));
    const two = await sweepOnce();
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
    report(`  ${size} accounts, two workers: ${two.seconds.toFixed(1)} s`);
    const path = (what: string): string => `sweep of ${size}: ${what}`;
    const found: Row[] = [
      informative(path('accounts/s'), size / one.seconds, 'two workers', size / two.seconds),
      atMost(path('seconds'), one.seconds, 'half of the period', halfPeriod),
      // A sweep of few accounts costs what a sweep costs.
      ...(size >= 10_000
        ? [atMost(path('actions/account'), one.actions / size, 'budget', goals.actionsPerAccount)]
        : [informative(path('actions/account'), one.actions / size, '', null)]),
      atMost(path('history events'), one.events, 'bounded', goals.events),
      informative(path('MB of the worker'), megabytes, '', null),
    ];
    if (size !== scheduled) return found;
    await makeDue(context);
    const plain = await runSchedules(context, temporal);
    const against = 'a Schedule for each account';
    return [
      ...found,
      faster(path('accounts/s'), size / one.seconds, against, size / plain.seconds, null),
      informative(path('actions'), one.actions, against, plain.actions),
      informative(path('events'), one.events, against, plain.events),
    ];
  } finally {
    await opened?.close();
    await client?.connection.close();
    await stack.stop();
  }
}

/** One account of each provider, by their usual logins. */
async function anchorsOf(stack: BenchStack): Promise<Anchors> {
  const connect = async (body: object, act: (id: string) => Promise<unknown>): Promise<string> => {
    const { account } = await stack.api<{ account: { id: string } }>('POST', '/accounts', { owner: 'bench', ...body });
    await act(account.id);
    await until('an account', async () => {
      const { state } = await stack.api<{ state: string }>('GET', `/accounts/${account.id}`);
      return state === 'active' ? true : null;
    });
    return account.id;
  };
  const unipile = await connect(
    {
      provider: 'unipile',
      channel: 'linkedin',
      credentials: { username: 'plain@bench.example', password: 'correct horse' },
    },
    () => Promise.resolve(),
  );
  const wasender = await connect(
    { provider: 'wasender', channel: 'whatsapp', credentials: { phone_number: '+33639989999' } },
    async (id) => {
      const session = await until('a session', async () => {
        const { provider_account_id: found } = await stack.api<{ provider_account_id: string | null }>(
          'GET',
          `/accounts/${id}`,
        );
        return found;
      });
      await stack.control('POST', '/scan', { session });
    },
  );
  const meta = await connect(
    { provider: 'meta', channel: 'messenger', method: 'oauth', credentials: { choose: 'first' } },
    async (id) => {
      const url = await until('the dialog', async () => {
        const { step } = await stack.api<{ step: { kind: string; url?: string } | null }>(
          'GET',
          `/accounts/${id}/attempt`,
        );
        return step?.kind === 'redirect' ? (step.url ?? null) : null;
      });
      await agree(url, 'plain@bench.example');
    },
  );
  return { unipile, wasender, meta };
}

function startWorker({ settings }: BenchStack): { child: ChildProcess; output: string } {
  const env = { ...process.env, ...settings, METRICS_PORT: '' };
  const child = spawn(process.execPath, ['workers/main.ts'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const started = { child, output: '' };
  child.stdout?.on('data', (text: Buffer) => (started.output += text.toString()));
  return started;
}

/** Memory that a process has in use, in megabytes; from proc_pid_status(5). */
const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
