import { startRealStack } from '../support/real-stack.ts';
import { createCaller, type Seen } from './caller.ts';
import { dropAccounts, killParts, parts, writeMessages, type Outage } from './chaos.ts';
import { openFacts, type Facts } from './facts.ts';
import { createFaults, type OnceRoute } from './faults.ts';
import { live, type Lived } from './life.ts';
import { createOwner } from './owner.ts';
import { planPeople, type Size } from './plan.ts';
import { drawsFrom } from './random.ts';
import { hurryTime, settle } from './settle.ts';
import { createUpstream, type UpstreamAccount } from './upstream.ts';

/** What a storm did and what it left, for the verdict. */
export interface Aftermath {
  size: Size;
  lives: Lived[];
  outages: Outage[];
  dropped: Record<string, number>;
  messages: number;
  seen: Seen[];
  /** What did not come to rest in time. */
  left: string[];
  upstream: UpstreamAccount[];
  calls: Record<string, number>;
  refused: Record<OnceRoute, number>;
  /** How many of the provider's lists this storm itself asked for. */
  ownLists: number;
  deliveries: { label: string; state: string; tries: unknown[] }[];
  facts: Facts;
  tookMs: number;
}

/** How long the stack may take to rest once the faults are off, in milliseconds. */
const patienceMs = 150_000;
/** How often it is told who is still at it, in milliseconds. */
const tellMs = 15_000;

/** Plays a storm over a stack of its own and hands what it left to `judge`, before the stack is stopped. */
export async function storm<T>(
  size: Size,
  say: (text: string) => void,
  judge: (aftermath: Aftermath) => Promise<T>,
): Promise<T> {
  const real = await startRealStack({ RATE_LIMIT_PER_MINUTE: '1000000' });
  try {
    const started = Date.now();
    const { sandbox, ...stack } = real.stack.describe();
    const draws = drawsFrom(size.seed);
    const facts = await openFacts({ sandbox, ...stack });
    const faults = createFaults(real.control, size.seed, size.accounts);
    const upstream = createUpstream(sandbox?.unipile_url ?? '');
    const caller = createCaller(real.api);
    // Deliveries outlive the longest outage; a login that a lost answer left open is over soon.
    const variants = { webhook_retry_base_seconds: 1, attempt_seconds: 60 };
    for (const [name, value] of Object.entries(variants))
      await real.control.put('/variants', { provider: 'unipile', name, value });
    await faults.on();

    const lived = new AbortController();
    const rested = new AbortController();
    const { signal } = lived;
    const gap = [1_000, size.lastsMs > 0 || size.wishes > 6 ? 8_000 : 3_000] as const;
    // A few drops for each account, and wishes as long as there are kills.
    const dropGap = [40_000 / size.accounts, 120_000 / size.accounts] as const;
    const restMs = (size.kills * parts.length * gap[1]) / Math.max(size.wishes, 1);
    const varying = faults.vary(draws.fork('faults'), signal);
    const killing = killParts(real, size.kills, draws.fork('kills'), gap, () => Date.now() < started + size.lastsMs);
    const dropping = size.drops
      ? dropAccounts(real, upstream, faults, draws.fork('drops'), signal, dropGap)
      : Promise.resolve({});
    const writing = writeMessages(real, upstream, draws.fork('messages'), signal);
    const helping = hurryTime(real.control, facts, rested.signal);
    say('the storm begins');
    const people = planPeople(size, draws.fork('plan'));
    const ended = new Set<number>();
    const living = people.map(async (person, n) => {
      const own = draws.fork(`life ${person.name}`);
      const owner = createOwner(caller, real.control, person, own.fork('owner'));
      const one = await live(person, { caller, owner, draws: own, until: started + size.lastsMs, restMs });
      ended.add(n);
      return one;
    });
    const telling = setInterval(() => {
      const open = people.filter((_, n) => !ended.has(n)).map(({ name }) => name);
      say(`${seconds(started)} s: ${open.length} accounts still at it: ${open.join(', ')}`);
    }, tellMs);
    const lives = await Promise.all(living).finally(() => clearInterval(telling));
    say(`every wish has ended after ${seconds(started)} s`);
    lived.abort();
    const [, outages, dropped, messages] = await Promise.all([varying, killing, dropping, writing]);
    say(`the last of ${outages.length} kills is over after ${seconds(started)} s: the faults are switched off`);
    const refused = await faults.refused();
    await faults.off();
    const left = await settle(real.control, facts, upstream, patienceMs);
    rested.abort();
    await helping;
    say(left.length ? `not at rest: ${left.join(', ')}` : `everything rests after ${seconds(started)} s`);
    const calls = await callsOf(real.control);
    const aftermath: Aftermath = {
      size,
      lives,
      outages,
      dropped,
      messages,
      seen: caller.seen,
      left,
      upstream: await upstream.list(),
      calls,
      refused,
      ownLists: upstream.asked,
      deliveries: await real.control.get('/deliveries'),
      facts,
      tookMs: Date.now() - started,
    };
    try {
      return await judge(aftermath);
    } finally {
      await facts.close();
    }
  } finally {
    await real.stop();
  }
}

const seconds = (since: number): number => Math.round((Date.now() - since) / 1_000);

async function callsOf(control: { get(path: string): Promise<any> }): Promise<Record<string, number>> {
  const calls = (await control.get('/calls')) as { method: string; route: string; count: number }[];
  return Object.fromEntries(calls.map(({ method, route, count }) => [`${method} ${route}`, count]));
}
