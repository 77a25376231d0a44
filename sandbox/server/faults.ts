import { z } from 'zod';
import { randomFrom } from '../world/random.ts';

const rate = z
  .union([z.number().min(0).max(1), z.boolean().transform((on) => (on ? 1 : 0))])
  .optional()
  .describe('a share from 0 to 1, or true for always');

/** An error in the provider's own terms. */
const chosenError = z.strictObject({
  code: z.int(),
  subcode: z.int().optional(),
  message: z.string().optional(),
  status: z.int().min(400).max(599).optional(),
});
export type ChosenError = z.infer<typeof chosenError>;

/** Every share is drawn anew for each call or delivery. */
export const faultRule = z.strictObject({
  provider: z.string(),
  route: z
    .string()
    .optional()
    .describe('"METHOD /path/:id" as `GET /calls` shows it, or with the ids themselves; without it every route'),
  times: z.int().positive().optional().describe('only the next n matching calls or deliveries'),
  seed: z.int().optional().describe('makes the draws repeatable'),
  rate_429: rate,
  rate_500: rate,
  rate_error: rate,
  error: chosenError.optional().describe("what `rate_error` answers, by the provider's own code"),
  timeout: rate,
  after_effect: rate,
  delay: rate,
  delay_seconds: z.number().positive().max(60).default(1),
  webhook_drop: rate,
  webhook_duplicate: rate,
  webhook_reorder: rate,
});
type FaultRule = z.infer<typeof faultRule>;

type CallFault = '429' | '500' | 'timeout' | 'after_effect' | 'after_effect_timeout' | ChosenError;

interface WebhookFault {
  drop: boolean;
  duplicate: boolean;
  reorder: boolean;
}

export interface Faults {
  /** Replaces the rule for this provider and route; a rule without any share clears it. */
  set(rule: FaultRule): void;
  list(): FaultRule[];
  /** `routes`: the names that the call goes by. */
  forCall(provider: string, routes: readonly string[]): CallFault | null;
  /** Milliseconds before the answer, beside any other fault. */
  delayOf(provider: string, routes: readonly string[]): number;
  forWebhook(provider: string): WebhookFault;
  reset(): void;
}

interface Active {
  rule: FaultRule;
  left: number;
  random: () => number;
}

const CALL_RATES = ['rate_429', 'rate_500', 'rate_error', 'timeout', 'after_effect'] as const;
const WEBHOOK_RATES = ['webhook_drop', 'webhook_duplicate', 'webhook_reorder'] as const;
const RATES = [...CALL_RATES, ...WEBHOOK_RATES, 'delay'] as const;

export function createFaults(): Faults {
  let active: Active[] = [];

  /** The matching rules; each counts the call. */
  const take = (provider: string, routes: readonly string[] | null, kinds: readonly (keyof FaultRule)[]): Active[] => {
    if (active.length === 0) return [];
    const found = active.filter(
      ({ rule, left }) =>
        left > 0 &&
        rule.provider === provider &&
        (routes === null || rule.route === undefined || routes.includes(rule.route)) &&
        kinds.some((kind) => rule[kind]),
    );
    for (const one of found) one.left--;
    return found;
  };
  const drawn = ({ rule, random }: Active, kind: (typeof RATES)[number]): boolean => random() < Number(rule[kind] ?? 0);

  return {
    set(rule) {
      const empty = !RATES.some((kind) => rule[kind]);
      const whole = empty && rule.route === undefined;
      active = active.filter((one) => one.rule.provider !== rule.provider || (!whole && one.rule.route !== rule.route));
      if (empty) return;
      const random = rule.seed === undefined ? Math.random : randomFrom(rule.seed);
      active.push({ rule, left: rule.times ?? Infinity, random });
    },
    list: () =>
      active
        .filter(({ left }) => left > 0)
        .map(({ rule, left }) => ({ ...rule, ...(left < Infinity && { times: left }) })),
    forCall(provider, routes) {
      for (const one of take(provider, routes, CALL_RATES)) {
        const timeout = drawn(one, 'timeout');
        if (drawn(one, 'after_effect')) return timeout ? 'after_effect_timeout' : 'after_effect';
        // In a rule with after_effect, a timeout comes only after an effect.
        if (timeout && !one.rule.after_effect) return 'timeout';
        if (drawn(one, 'rate_429')) return '429';
        if (drawn(one, 'rate_500')) return '500';
        if (drawn(one, 'rate_error') && one.rule.error) return one.rule.error;
      }
      return null;
    },
    delayOf(provider, routes) {
      const hit = take(provider, routes, ['delay']).find((one) => drawn(one, 'delay'));
      return hit ? hit.rule.delay_seconds * 1000 : 0;
    },
    forWebhook(provider) {
      const fault: WebhookFault = { drop: false, duplicate: false, reorder: false };
      for (const one of take(provider, null, WEBHOOK_RATES)) {
        fault.drop ||= drawn(one, 'webhook_drop');
        fault.duplicate ||= drawn(one, 'webhook_duplicate');
        fault.reorder ||= drawn(one, 'webhook_reorder');
      }
      return fault;
    },
    reset() {
      active = [];
    },
  };
}
