import { addFleet, makeDue, settle, sweptOf, type Swept } from '../../bench/sweep/fleet.ts';
import { openClient, runSweep } from '../../bench/sweep/run.ts';
import { visitPeriodMs } from '../../domain/visits.ts';
import { createLog } from '../../platform/log.ts';
import { loadConfig, openContext } from '../../services/boot.ts';
import { connectMeta, personOf } from '../support/meta.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { environment } from '../../cli/environment.ts';
import { eventually } from '../support/eventually.ts';
import type { Row } from './assertions.ts';

/** How large a fleet is. */
export interface SweepSize {
  accounts: number;
}

/** The share of calls that fail at two providers; the third takes so many seconds for each answer. */
const failing = 0.3;
const slowSeconds = 3;
const halfPeriod = visitPeriodMs / 2_000;
const actionsPerAccount = 0.01;
/** Sweeps after which every account that can be reached was visited well: each retries what failed before. */
const sweeps = 5;

/**
 * A fleet over three providers, all due at once: one provider is slow, the calls of the others fail in three of ten. Each sweep
 * must end within half of its period, and none may take the places of another provider's accounts.
 */
export async function sweepOfPlatforms({ accounts }: SweepSize, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ PLATFORM_SYNC_ENABLED: 'false', WASENDER_AUTO_SYNC_ENABLED: 'false' });
  const { sandbox } = real.stack.describe();
  const { context, close } = await openContext(
    loadConfig(environment({ ...process.env, PATCHBAY_HOME: real.home })),
    { name: 'cli', database: { pool: { app: 8, system: 8 } } },
    { log: createLog('soak', 'silent') },
  );
  const client = await openClient(context);
  try {
    if (!sandbox) throw new Error('the stack has no sandbox');
    await addFleet(context, sandbox, await anchorsOf(real), accounts);
    report(`${accounts} accounts are connected`);
    const sweep = () => runSweep(client, context.config.TEMPORAL_TASK_QUEUE, 600_000);
    await makeDue(context);
    await settle(context, sweep);
    report('all of them were visited once');
    await makeDue(context);
    const healthy = await sweep();
    report(`a sweep of healthy providers: ${healthy.seconds.toFixed(1)} s, ${healthy.actions} actions`);
    const afterHealthy = await sweptOf(context);

    await makeDue(context);
    await real.control.put('/faults', { provider: 'unipile', delay: 1, delay_seconds: slowSeconds });
    for (const provider of ['wasender', 'meta']) await real.control.put('/faults', { provider, rate_500: failing });
    const faulty = await sweep();
    const afterFaulty = await sweptOf(context);
    report(`a sweep of bad ones: ${faulty.seconds.toFixed(1)} s; ${JSON.stringify(afterFaulty)}`);
    const { n: failedOnce } = await failedIn(context);

    for (const provider of ['unipile', 'wasender', 'meta']) await real.control.put('/faults', { provider });
    for (let n = 0; n < sweeps && (await failedIn(context)).n > 0; n += 1) {
      await real.control.post('/clock', { advance_seconds: visitPeriodMs / 1_000 });
      await sweep();
    }
    const { n: failedStill } = await failedIn(context);
    const isAll = ({ visited, all }: Swept): boolean => visited === all;
    const others = afterFaulty.filter(({ provider }) => provider !== 'unipile');
    return [
      row('platforms: accounts that a healthy sweep left', '0', sum(afterHealthy), sum(afterHealthy) === '0'),
      row(
        'platforms: seconds of a healthy sweep',
        `at most ${halfPeriod}`,
        healthy.seconds.toFixed(1),
        healthy.seconds <= halfPeriod,
      ),
      ...(accounts >= 10_000
        ? [
            row(
              'platforms: actions of it for each account',
              `at most ${actionsPerAccount}`,
              (healthy.actions / accounts).toFixed(4),
              healthy.actions / accounts <= actionsPerAccount,
            ),
          ]
        : []),
      row('platforms: events of its history', 'at most 2000', String(healthy.events), healthy.events <= 2_000),
      row(
        'platforms: seconds of a sweep with a slow and two failing providers',
        `at most ${halfPeriod}`,
        faulty.seconds.toFixed(1),
        faulty.seconds <= halfPeriod,
      ),
      row('platforms: accounts that it left at the providers that are not slow', '0', sum(others), others.every(isAll)),
      row('platforms: failures beside visits that succeeded', 'both', `${failedOnce} failed`, failedOnce > 0),
      row('platforms: accounts that still fail once the providers work', '0', String(failedStill), failedStill === 0),
    ];
  } finally {
    await client.connection.close();
    await close();
    await real.stop();
  }
}

const sum = (swept: readonly Swept[]): string =>
  String(swept.reduce((left, { all, visited }) => left + all - visited, 0));

type Opened = Awaited<ReturnType<typeof openContext>>['context'];

const failedIn = async (context: Opened): Promise<{ n: number }> => ({
  n: (await sweptOf(context)).reduce((all, { failed }) => all + failed, 0),
});

async function anchorsOf({ api, control }: RealStack) {
  const linkedin = { provider: 'unipile', channel: 'linkedin', owner: 'o' };
  const login = { username: 'plain@fleet.example', password: 'correct horse' };
  const unipile = (await api.post('/api/v1/accounts', { ...linkedin, credentials: login })).body.account.id;
  await api.account(unipile, 'active');
  const whatsapp = { provider: 'wasender', channel: 'whatsapp', owner: 'o' };
  const number = { phone_number: '+33639989999' };
  const wasender = (await api.post('/api/v1/accounts', { ...whatsapp, credentials: number })).body.account.id;
  const session = await eventually(
    'a session',
    async () => (await api.get(`/api/v1/accounts/${wasender}`)).body.provider_account_id,
  );
  await control.post('/scan', { session });
  await api.account(wasender, 'active');
  const meta = (await connectMeta(api, 'messenger', personOf('plain'))).id;
  return { unipile, wasender, meta };
}

const row = (what: string, expected: string, found: string, ok: boolean): Row => ({ what, expected, found, ok });
