import { setTimeout as sleep } from 'node:timers/promises';
import type { RealStack } from '../support/real-stack.ts';
import type { Faults } from './faults.ts';
import type { Draws } from './random.ts';
import type { Upstream } from './upstream.ts';

export const parts = ['api', 'worker', 'temporal', 'postgres'] as const;
export type Part = (typeof parts)[number];

/** A part that was killed: from then until the stack could do its work again. */
export interface Outage {
  part: Part;
  from: number;
  to: number;
}

const pause = (ms: number, stop: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal: stop }).catch(() => 0);

/** Kills every part so many times, in random order, at random moments; and on and on while `more` says so. */
export async function killParts(
  real: RealStack,
  times: number,
  draws: Draws,
  gapMs: readonly [number, number],
  more: () => boolean,
): Promise<Outage[]> {
  const outages: Outage[] = [];
  const round = (): Part[] => draws.shuffled(parts);
  const rounds = Array.from({ length: times }, round).flat();
  while (rounds.length || (times > 0 && more())) {
    if (!rounds.length) rounds.push(...round());
    await sleep(draws.between(...gapMs));
    const part = rounds.shift() ?? 'worker';
    const from = Date.now();
    await real.kill(part);
    await real.ready();
    outages.push({ part, from, to: Date.now() });
  }
  return outages;
}

/** The provider drops accounts that work, one after the other, for reasons of its own; answers how many. */
export async function dropAccounts(
  real: RealStack,
  upstream: Upstream,
  faults: Faults,
  draws: Draws,
  stop: AbortSignal,
  gapMs: readonly [number, number],
): Promise<Record<string, number>> {
  const dropped: Record<string, number> = {};
  while (!stop.aborted) {
    await pause(draws.between(...gapMs), stop);
    const working = (await upstream.list()).filter(({ status }) => status === 'OK');
    const one = working[draws.between(0, Math.max(working.length - 1, 0))];
    if (!one || stop.aborted) continue;
    const status = draws.pick(['CREDENTIALS', 'CREDENTIALS', 'ERROR', 'STOPPED', 'CONNECTING', 'DELETED']);
    const say = (word: string): Promise<unknown> =>
      faults.heard(() => real.control.post('/drop', { account_id: one.id, status: word }).catch(() => undefined));
    await say(status);
    dropped[status] = (dropped[status] ?? 0) + 1;
    if (status !== 'CONNECTING') continue;
    // An interruption passes by itself, unless something else has ended it.
    await pause(draws.between(1_000, 5_000), stop);
    const now = (await upstream.list()).find(({ id }) => id === one.id);
    if (now?.status === status) await say('OK');
  }
  return dropped;
}

/** People write, which is told by webhooks that have nothing to do with logins; answers how many did. */
export async function writeMessages(
  real: RealStack,
  upstream: Upstream,
  draws: Draws,
  stop: AbortSignal,
): Promise<number> {
  let written = 0;
  while (!stop.aborted) {
    await pause(draws.between(500, 1_500), stop);
    const working = (await upstream.list()).filter(({ status, type }) => status === 'OK' && type === 'WHATSAPP');
    const one = working[draws.between(0, Math.max(working.length - 1, 0))];
    if (!one || stop.aborted) continue;
    const message = { account_id: one.id, from: '+33639980002', text: `Message ${written}` };
    await real.control.post('/messages', message).then(
      () => (written += 1),
      () => undefined,
    );
  }
  return written;
}
