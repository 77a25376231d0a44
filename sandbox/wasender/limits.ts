import type { Session } from './state.ts';
import type { WasenderVariants } from './variants.ts';
import type { Clock } from '../world/clock.ts';

/** Routes with limits of their own; all others are `other`. */
export type Bucket = 'send' | 'group' | 'picture' | 'on_whatsapp' | 'contacts' | 'other';

interface Rule {
  limit: number;
  seconds: number;
}

/** What the X-RateLimit headers tell. `resetAt` in epoch milliseconds. */
interface Usage {
  limit: number;
  remaining: number;
  resetAt: number;
}

export interface Limits {
  /** Counts one call, unless it is refused: then `until` says when it would not be. */
  take(key: string, rules: Rule[]): { usage: Usage; until: number | null };
  reset(): void;
}

const MINUTE = 60;
const DAY = 86_400;
/** Told in the headers where no limit is enforced. */
const NOMINAL: Rule = { limit: 1000, seconds: MINUTE };

/** The published limits, each with its switch. */
export function rulesFor(bucket: Bucket, session: Session | null, variants: WasenderVariants): Rule[] {
  if (!variants.limits) return [];
  const rules: [number | null, number][] = {
    send: sendRules(session, variants),
    group: byMinuteAndDay(variants.group_per_minute, variants.group_per_day),
    picture: byMinuteAndDay(variants.picture_per_minute, variants.picture_per_day),
    on_whatsapp: byMinuteAndDay(variants.on_whatsapp_per_minute, variants.on_whatsapp_per_day),
    contacts: byMinuteAndDay(variants.contacts_per_minute, null),
    other: byMinuteAndDay(variants.other_per_minute, null),
  }[bucket];
  return rules.flatMap(([limit, seconds]) => (limit === null ? [] : [{ limit, seconds }]));
}

const byMinuteAndDay = (minute: number | null, day: number | null): [number | null, number][] => [
  [minute, MINUTE],
  [day, DAY],
];

function sendRules(session: Session | null, { plan }: WasenderVariants): [number, number][] {
  const protectedRule: [number, number][] = session?.settings.account_protection ? [[1, 5]] : [];
  if (plan === 'paid') return [...protectedRule, [256, MINUTE]];
  return [...protectedRule, [1, MINUTE], [50, DAY]];
}

/** Fixed windows that begin with the first call in them. */
export function createLimits(clock: Clock): Limits {
  const windows = new Map<string, { start: number; used: number }>();
  return {
    take(key, rules) {
      const now = clock.now();
      const current = (rules.length === 0 ? [NOMINAL] : rules).map((rule) => {
        const name = `${key} ${rule.seconds}`;
        let window = windows.get(name);
        if (!window || now - window.start >= rule.seconds * 1000) {
          window = { start: now, used: 0 };
          if (rules.length > 0) windows.set(name, window);
        }
        return { rule, window, resetAt: window.start + rule.seconds * 1000 };
      });
      const full = current.filter(({ rule, window }) => window.used >= rule.limit);
      const until = full.length === 0 ? null : Math.max(...full.map((one) => one.resetAt));
      if (until === null) for (const { window } of current) window.used++;
      const usages = (full.length > 0 ? full : current).map(({ rule, window, resetAt }): Usage => ({
        limit: rule.limit,
        remaining: Math.max(0, rule.limit - window.used),
        resetAt,
      }));
      // The one that ends the caller's freedom first is the one worth telling; of two used up, the longer.
      const usage = usages.toSorted((a, b) => a.remaining - b.remaining || b.resetAt - a.resetAt)[0]!;
      return { usage, until };
    },
    reset: () => windows.clear(),
  };
}
