import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../support/control.ts';
import type { Draws } from './random.ts';

type Shares = Record<string, number>;

/** About three calls in ten fail. No `timeout` here: in one rule with `after_effect` it would hang only calls that took effect. */
const mixed: Shares = { rate_429: 0.1, rate_500: 0.1, after_effect: 0.1 };
/** For calls that must not be made twice: failures after which the caller cannot know whether the call took effect. */
const ambiguous: Shares = { rate_500: 0.1, after_effect: 0.15, timeout: 0.03 };
/** Refused without effect; an exact number, to be counted exactly. */
const refused = { rate_429: 1, times: 1 };
/** The most refusals for each account: each one in a row lengthens the next wait. */
const refusalsEach = 2;

const routes: Record<string, Shares> = {
  'GET /api/v1/accounts': mixed,
  'GET /api/v1/accounts/:id': { rate_429: 0.1, rate_500: 0.1, timeout: 0.01 },
  'POST /api/v1/accounts/:id': mixed,
  'DELETE /api/v1/accounts/:id': mixed,
  'POST /api/v1/accounts/:id/restart': mixed,
  'POST /api/v1/accounts/checkpoint/resend': mixed,
  'POST /api/v1/hosted/accounts/link': mixed,
  'GET /api/v1/users/me': mixed,
  'POST /api/v1/webhooks': { rate_429: 0.2, rate_500: 0.2 },
};
/** Calls that must be made once. */
export const onceRoutes = ['POST /api/v1/accounts', 'POST /api/v1/accounts/checkpoint'] as const;
export type OnceRoute = (typeof onceRoutes)[number];
const webhooks: Shares = { webhook_drop: 0.15, webhook_duplicate: 0.2, webhook_reorder: 0.2 };

/** The provider's faults. */
export interface Faults {
  on(): Promise<void>;
  off(): Promise<void>;
  /** Until `stop`: now and then refuses the once-only calls without effect, instead of failing them ambiguously. */
  vary(draws: Draws, stop: AbortSignal): Promise<void>;
  /** Runs `work` without dropped webhooks: those it causes are delivered. */
  withDelivery<T>(work: () => Promise<T>): Promise<T>;
  /** How often each once-only call was refused without effect. */
  refused(): Promise<Record<OnceRoute, number>>;
}

export function createFaults(control: Control, seed: number, accounts: number): Faults {
  const given: Record<OnceRoute, number> = { 'POST /api/v1/accounts': 0, 'POST /api/v1/accounts/checkpoint': 0 };
  const put = (rule: object): Promise<unknown> => control.put('/faults', { provider: 'unipile', ...rule });
  /** How many of a route's refusals are left; 0 when it fails ambiguously. */
  const left = async (route: string): Promise<number> => {
    const rules = (await control.get('/faults')) as { route?: string; times?: number }[];
    return rules.find((rule) => rule.route === route && rule.times !== undefined)?.times ?? 0;
  };
  const count = async (): Promise<Record<OnceRoute, number>> => {
    const counts = { ...given };
    for (const route of onceRoutes) counts[route] -= await left(route);
    return counts;
  };
  let final: Record<OnceRoute, number> | null = null;
  let drawn = seed;
  const nextSeed = (): number => (drawn += 1);
  return {
    on: async () => {
      for (const [route, shares] of Object.entries(routes)) await put({ route, ...shares, seed: nextSeed() });
      for (const route of onceRoutes) await put({ route, ...ambiguous, seed: nextSeed() });
      await put({ ...webhooks, seed: nextSeed() });
    },
    off: async () => {
      final ??= await count();
      await put({});
    },
    vary: async (draws, stop) => {
      while (!stop.aborted) {
        await sleep(draws.between(1_000, 4_000), undefined, { signal: stop }).catch(() => undefined);
        const route = draws.pick(onceRoutes);
        // A rule with refusals left is not replaced: they would be counted as made.
        if (stop.aborted || (await left(route)) > 0) continue;
        const refuse = draws.chance(0.4) && given[route] < refusalsEach * accounts;
        if (refuse) given[route] += refused.times;
        await put({ route, ...(refuse ? refused : { ...ambiguous, seed: nextSeed() }) });
      }
    },
    withDelivery: async (work) => {
      await put({ webhook_reorder: 0.2 });
      try {
        return await work();
      } finally {
        await put({ ...webhooks, seed: nextSeed() });
      }
    },
    refused: async () => final ?? count(),
  };
}
