import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRealStack } from '../support/real-stack.ts';
import { createCaller, type RecordedRequest } from './caller.ts';
import { dropAccounts, killParts, parts, writeMessages, type Outage } from './chaos.ts';
import { cancelRuns, lockRow, refuseKeys, type Disturbances } from './disturbances.ts';
import { openFacts, type Facts } from './facts.ts';
import { createFaults, type OnceRoute } from './faults.ts';
import { createOwner } from './owner.ts';
import { planPeople, type Size } from './plan.ts';
import { drawsFrom } from './random.ts';
import { runScenario, type ScenarioResult } from './scenario.ts';
import { advanceClock, settle } from './settle.ts';
import { createUpstream, type UpstreamAccount } from './upstream.ts';

export interface SoakResult {
  size: Size;
  scenarios: ScenarioResult[];
  outages: Outage[];
  disturbances: Disturbances | null;
  dropped: Record<string, number>;
  messages: number;
  requests: RecordedRequest[];
  /** Work that was not finished in time. */
  left: string[];
  upstream: UpstreamAccount[];
  calls: Record<string, number>;
  refused: Record<OnceRoute, number>;
  /** How many of the provider's list calls came from the soak itself. */
  ownListCalls: number;
  deliveries: { label: string; state: string; tries: unknown[] }[];
  facts: Facts;
  tookMs: number;
}

/** How long the stack may take to finish its work once the faults are off, in milliseconds. */
const settleMs = 150_000;
/** Between two lines of progress, in milliseconds. */
const progressMs = 15_000;

/** Runs a soak over a stack of its own and gives its result to `assess`, before the stack is stopped. */
export async function soak<T>(
  size: Size,
  report: (text: string) => void,
  assess: (result: SoakResult) => Promise<T>,
): Promise<T> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000' });
  try {
    const started = Date.now();
    const { sandbox, ...stack } = real.stack.describe();
    const draws = drawsFrom(size.seed);
    const facts = await openFacts(stack);
    const faults = createFaults(real.control, size.seed, size.accounts);
    const upstream = createUpstream(sandbox?.unipile_url ?? '');
    const caller = createCaller(real.api);
    // Webhook retries last longer than the longest outage; a login that a lost answer left open expires soon.
    const variants = { webhook_retry_base_seconds: 1, attempt_seconds: 60 };
    for (const [name, value] of Object.entries(variants))
      await real.control.put('/variants', { provider: 'unipile', name, value });
    await faults.on();

    const requested = new AbortController();
    const settled = new AbortController();
    const { signal } = requested;
    const gap = [1_000, size.lastsMs > 0 || size.operations > 6 ? 8_000 : 3_000] as const;
    // A few drops for each account, and operations as long as there are kills.
    const dropGap = [40_000 / size.accounts, 120_000 / size.accounts] as const;
    const restMs = (size.kills * parts.length * gap[1]) / Math.max(size.operations, 1);
    const varying = faults.vary(draws.fork('faults'), signal);
    // A kill of PostgreSQL would end the lock.
    const locking = size.disturbed ? lockRow(real, facts) : null;
    const killing = Promise.resolve(locking).then(() =>
      killParts(real, size.kills, draws.fork('kills'), gap, () => Date.now() < started + size.lastsMs),
    );
    const refusing = locking?.then(() => refuseKeys(real));
    const cancelling = locking?.then(() => cancelRuns(real, facts, signal));
    const dropping = size.drops
      ? dropAccounts(real, upstream, faults, draws.fork('drops'), signal, dropGap)
      : Promise.resolve({});
    const writing = writeMessages(real, upstream, draws.fork('messages'), signal);
    const advancing = advanceClock(real.control, facts, settled.signal);
    report('the soak begins');
    const people = planPeople(size, draws.fork('plan'));
    const ended = new Set<number>();
    const running = people.map(async (person, n) => {
      const own = draws.fork(`scenario ${person.name}`);
      const owner = createOwner(caller, real.control, person, own.fork('owner'));
      const one = await runScenario(person, { caller, owner, draws: own, until: started + size.lastsMs, restMs });
      ended.add(n);
      return one;
    });
    const reporting = setInterval(() => {
      const open = people.filter((_, n) => !ended.has(n)).map(({ name }) => name);
      report(`${seconds(started)} s: ${open.length} accounts still running: ${open.join(', ')}`);
    }, progressMs);
    const scenarios = await Promise.all(running).finally(() => clearInterval(reporting));
    report(`every operation has ended after ${seconds(started)} s`);
    requested.abort();
    const [, outages, dropped, messages] = await Promise.all([varying, killing, dropping, writing]);
    report(`the last of ${outages.length} kills is over after ${seconds(started)} s: the faults are switched off`);
    const [locked, runs] = await Promise.all([locking, cancelling, refusing]);
    const disturbances = locked && runs ? { locked, ...runs } : null;
    if (disturbances)
      report(
        `an account was locked for ${disturbances.locked.to - disturbances.locked.from} ms, keys were refused, ` +
          `${disturbances.cancelled} runs cancelled and ${disturbances.terminated} terminated`,
      );
    const refused = await faults.refused();
    await faults.off();
    const left = await settle(real.control, facts, upstream, settleMs);
    for (const line of errorsOf(real.home)) report(line);
    settled.abort();
    await advancing;
    report(left.length ? `not finished: ${left.join(', ')}` : `no work is left after ${seconds(started)} s`);
    // Before the last list below, which `calls` does not count.
    const ownListCalls = upstream.listCalls;
    const calls = await callsOf(real.control);
    const result: SoakResult = {
      size,
      scenarios,
      outages,
      disturbances,
      dropped,
      messages,
      requests: caller.requests,
      left,
      upstream: await upstream.list(),
      calls,
      refused,
      ownListCalls,
      deliveries: await real.control.get('/deliveries'),
      facts,
      tookMs: Date.now() - started,
    };
    try {
      return await assess(result);
    } finally {
      await facts.close();
    }
  } finally {
    await real.stop();
  }
}

/** Levels of pino: these lines tell of a fault of ours. */
const isError = /"level":[56]0/;

/** The first errors in the log of the API, shortened: they explain what an assertion finds. */
const errorsOf = (home: string): string[] =>
  readFileSync(join(home, 'logs', 'api.log'), 'utf8')
    .split('\n')
    .filter((line) => isError.test(line))
    .slice(0, 5)
    .map((line) => line.slice(0, 800));

const seconds = (since: number): number => Math.round((Date.now() - since) / 1_000);

async function callsOf(control: { get(path: string): Promise<any> }): Promise<Record<string, number>> {
  const calls = (await control.get('/calls')) as { method: string; route: string; count: number }[];
  return Object.fromEntries(calls.map(({ method, route, count }) => [`${method} ${route}`, count]));
}
