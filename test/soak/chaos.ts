import { setTimeout as sleep } from 'node:timers/promises';
import type { RealStack } from '../support/real-stack.ts';
import type { Faults } from './faults.ts';
import type { Draws } from './random.ts';
import type { Upstream } from './upstream.ts';

export const parts = ['api', 'worker', 'temporal', 'postgres'] as const;
export type Part = (typeof parts)[number];

/** A part that was killed, and the time until the stack was ready again. */
export interface Outage {
  part: Part;
  from: number;
  to: number;
}

const pause = (ms: number, stop: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal: stop }).catch(() => 0);

/** In random order, at random moments, in rounds while `more` is true. */
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

/** Makes the provider drop working accounts, one after the other; answers how many by status. */
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
    const setStatus = (to: string): Promise<unknown> =>
      faults.withDelivery(() => real.control.post('/drop', { account_id: one.id, status: to }).catch(() => undefined));
    await setStatus(status);
    dropped[status] = (dropped[status] ?? 0) + 1;
    if (status !== 'CONNECTING') continue;
    // A provider ends CONNECTING by itself, unless another status has replaced it.
    await pause(draws.between(1_000, 5_000), stop);
    const now = (await upstream.list()).find(({ id }) => id === one.id);
    if (now?.status === status) await setStatus('OK');
  }
  return dropped;
}

/** Sends messages to working accounts: webhooks that do not concern logins. Answers how many were sent. */
export async function writeMessages(
  real: RealStack,
  upstream: Upstream,
  draws: Draws,
  stop: AbortSignal,
): Promise<number> {
  let sent = 0;
  while (!stop.aborted) {
    await pause(draws.between(500, 1_500), stop);
    const working = (await upstream.list()).filter(({ status, type }) => status === 'OK' && type === 'WHATSAPP');
    const one = working[draws.between(0, Math.max(working.length - 1, 0))];
    if (!one || stop.aborted) continue;
    const message = { account_id: one.id, from: '+33639980002', text: `Message ${sent}` };
    await real.control.post('/messages', message).then(
      () => (sent += 1),
      () => undefined,
    );
  }
  return sent;
}
