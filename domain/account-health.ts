import type { AccountStatus, Who } from './accounts.ts';
import type { SyncKind } from './syncs.ts';

/** `inactive`: it was disconnected, or merged into another account, and nothing is expected of it. */
export const verdicts = ['healthy', 'attention', 'broken', 'inactive'] as const;
export type Verdict = (typeof verdicts)[number];

/** One thing that is wrong with an account. */
export interface HealthReason {
  /** A failure code, or one of this page. */
  code: string;
  verdict: 'attention' | 'broken';
  text: string;
  who: Who;
  whatToDo: string;
}

/** What an account is judged by. Times are milliseconds since the epoch. */
export interface HealthFacts {
  status: Pick<AccountStatus, 'state' | 'reason' | 'who'>;
  /** Where its events go at the provider; null: not known. `isOnly`: nothing else brings its messages. */
  webhook: { state: 'ok' | 'elsewhere' | 'off' | 'incomplete' | null; missing: readonly string[]; isOnly: boolean };
  /** We register the webhook ourselves at this provider. */
  registersWebhook: boolean;
  /** Since when it is silent for longer than it usually is, and its usual longest silence in milliseconds. */
  silence: { since: number | null; usualMs: number | null };
  /** What is wrong with its stored details. */
  detailsFaults: readonly string[];
  /** Visits in a row that failed, and why the last one did. */
  visits: { failures: number; reason: string | null };
  /** Whole syncs that failed since the last one that succeeded; `isStuck`: the newest one runs, and was refused last. */
  syncs: readonly { kind: SyncKind; failures: number; reason: string | null; isStuck: boolean }[];
  /** What should have been done long ago, since when. */
  overdue: readonly { what: string; since: number }[];
  token: { endsAt: number | null; failedRenewals: number };
  sends: { unclear: number; holdsUntil: number | null; holdsFor: string | null; stopped: string | null };
  /** Until when no login may begin, since too many did; null: one may. */
  loginsHeldUntil: number | null;
  /** Webhook events that could not be applied and were not replayed. */
  failedEvents: number;
}

/** The verdict on an account, and one sentence or two that say it. */
export function judgeHealth(
  state: AccountStatus['state'],
  reasons: readonly HealthReason[],
): { verdict: Verdict; summary: string } {
  if (state === 'disconnected') return { verdict: 'inactive', summary: 'The account is disconnected.' };
  const [worst, ...others] = reasons;
  if (!worst) return { verdict: 'healthy', summary: 'The account works.' };
  const more = others.length === 0 ? '' : ` ${others.length} more to look at.`;
  return { verdict: worst.verdict, summary: `${worst.text}${more}` };
}

/** The verdict that a state alone gives, for counting. */
export const verdictOfState = {
  active: 'healthy',
  connecting: 'attention',
  degraded: 'attention',
  reconnect_required: 'broken',
  failed: 'broken',
  disconnected: 'inactive',
} as const satisfies Record<AccountStatus['state'], Verdict>;
