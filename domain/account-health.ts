import { isWorking, type AccountStatus, type Who } from './accounts.ts';
import { asFailureCode, failureRow } from './failures.ts';
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
  /** Whole syncs since the last one that succeeded. */
  syncs: readonly { kind: SyncKind; failures: number; reason: string | null }[];
  /** What should have been done long ago, since when. */
  overdue: readonly { what: string; since: number }[];
  token: { endsAt: number | null; failedRenewals: number };
  sends: { unclear: number; holdsUntil: number | null; holdsFor: string | null; stopped: string | null };
  /** Webhook events that could not be applied and were not replayed. */
  failedEvents: number;
}

const time = (at: number): string => new Date(at).toISOString();
const hours = (ms: number): string => {
  const n = Math.max(1, Math.round(ms / 3_600_000));
  return `${n} ${n === 1 ? 'hour' : 'hours'}`;
};

const stateText = {
  connecting: 'A login is under way.',
  degraded: 'The provider reports trouble that may pass by itself.',
  reconnect_required: 'The login is lost.',
  failed: 'The login did not succeed.',
} as const;

/** Texts of reasons of a state that say more than the state. */
const reasonText: Readonly<Record<string, string>> = {
  webhooks_missed: 'The account works, but its webhooks do not bring all messages.',
  token_expiring: 'The account works, but its token ends soon.',
  token_expired: 'Its token has ended.',
  provider_key_rejected: 'The provider refuses the key of the account’s credentials.',
  account_gone: 'The provider does not know the account any more.',
};

/** What the state alone says is wrong; null where it says nothing. */
function ofState({ status: { state, reason, who } }: HealthFacts): HealthReason | null {
  if (state === 'active' || state === 'disconnected') return null;
  if (state === 'connecting')
    return {
      code: 'login_running',
      verdict: 'attention',
      text: stateText.connecting,
      who: 'owner',
      whatToDo: 'Have the owner complete the login: GET /api/v1/accounts/{id}/attempt has the step.',
    };
  const code = asFailureCode(reason ?? 'unexpected');
  return {
    code,
    verdict: state === 'degraded' ? 'attention' : 'broken',
    text: reasonText[code] ?? stateText[state],
    who,
    whatToDo: failureRow(code).whatToDo,
  };
}

const registerByHand =
  'Register the webhook address at the provider again: GET /api/v1/providers/{provider} names it, docs/meta.md says where.';
const registersItself =
  'Patchbay registers its webhook again at the next visit. If that lasts, check that PUBLIC_URL can be reached.';

function ofWebhook({ webhook, registersWebhook }: HealthFacts): HealthReason | null {
  const { state, missing, isOnly } = webhook;
  if (state === null || state === 'ok') return null;
  const texts = {
    off: 'The provider sends the account’s events nowhere.',
    elsewhere: 'The provider sends the account’s events to another address.',
    incomplete: `The provider does not send all of the account’s events: it leaves out ${missing.join(', ')}.`,
  };
  return {
    code: `webhook_${state}`,
    verdict: isOnly && state !== 'incomplete' ? 'broken' : 'attention',
    text: texts[state],
    who: registersWebhook ? 'nobody' : 'operator',
    whatToDo: registersWebhook ? registersItself : registerByHand,
  };
}

const ofFailure = (code: string | null, text: string): HealthReason => {
  const known = asFailureCode(code ?? 'unexpected');
  const { who, whatToDo } = failureRow(known);
  return { code: known, verdict: 'attention', text, who, whatToDo };
};

const ofSilence = ({ silence: { since, usualMs } }: HealthFacts): HealthReason[] =>
  since === null
    ? []
    : [
        {
          code: 'silent',
          verdict: 'attention',
          text: `Nothing came since ${time(since)}; its longest usual silence is ${usualMs === null ? 'shorter' : `about ${hours(usualMs)}`}.`,
          who: 'operator',
          whatToDo:
            'Write to the account from outside. Where that does not arrive, see that its phone or app is online, then reconnect it.',
        },
      ];

/** Fewer failed visits in a row pass by themselves. */
const failedVisits = 3;

function ofWork({ visits, syncs, overdue, detailsFaults }: HealthFacts): HealthReason[] {
  const failed = syncs.filter(({ failures }) => failures > 0);
  return [
    ...(visits.failures >= failedVisits
      ? [ofFailure(visits.reason, `The last ${visits.failures} visits at the provider failed.`)]
      : []),
    ...failed.map(({ kind, failures, reason }) =>
      ofFailure(reason, `${failures === 1 ? 'The last sync' : `The last ${failures} syncs`} of its ${kind} failed.`),
    ),
    ...overdue.map(({ what, since }): HealthReason => ({
      code: 'overdue',
      verdict: 'attention',
      text: `Its ${what} should have begun at ${time(since)}.`,
      who: 'operator',
      whatToDo: 'See that workers run and that Temporal and the provider answer: patchbay doctor.',
    })),
    ...(detailsFaults.length
      ? [
          {
            code: 'details_faulty',
            verdict: 'attention' as const,
            text: `Its stored details are not sound: ${detailsFaults.join(', ')}.`,
            who: 'nobody' as const,
            whatToDo: 'Patchbay collects them again. To do it now: patchbay sync details --account <id>.',
          },
        ]
      : []),
  ];
}

function ofToken({ token: { endsAt, failedRenewals } }: HealthFacts): HealthReason[] {
  if (failedRenewals === 0) return [];
  const times = failedRenewals === 1 ? 'once' : `${failedRenewals} times`;
  return [
    {
      code: 'token_not_renewed',
      verdict: 'attention',
      text: `The renewal of its token failed ${times}${endsAt === null ? '' : `; the token ends at ${time(endsAt)}`}.`,
      who: 'nobody',
      whatToDo: 'Patchbay tries again, and asks the owner a week before the end.',
    },
  ];
}

const holdTexts: Readonly<Record<string, string>> = {
  budget: 'its limit is reached',
  rate_limited: 'the provider asked for a pause',
  account: 'the account does not work',
  paused: 'sending is stopped',
};

function ofSends({ sends: { unclear, holdsUntil, holdsFor, stopped }, failedEvents }: HealthFacts): HealthReason[] {
  return [
    ...(stopped === null
      ? []
      : [
          {
            code: 'sending_stopped',
            verdict: 'attention' as const,
            text: 'Nothing is sent: sending is stopped.',
            who: 'operator' as const,
            whatToDo: stopped,
          },
        ]),
    ...(holdsUntil === null || stopped !== null
      ? []
      : [
          {
            code: 'sends_held',
            verdict: 'attention' as const,
            text: `Its messages wait until ${time(holdsUntil)}: ${holdTexts[holdsFor ?? ''] ?? 'they are held'}.`,
            who: 'nobody' as const,
            whatToDo: 'Nothing: they go out by themselves. PATCH /api/v1/accounts/{id} changes its limits.',
          },
        ]),
    ...(unclear > 0
      ? [ofFailure('outcome_unknown', `Of ${unclear} of its messages nothing proves whether they were sent.`)]
      : []),
    ...(failedEvents > 0
      ? [
          {
            code: 'events_failed',
            verdict: 'attention' as const,
            text: `${failedEvents} of its webhook events could not be applied.`,
            who: 'operator' as const,
            whatToDo: 'Read their error with patchbay webhooks list, then have them applied: patchbay webhooks replay.',
          },
        ]
      : []),
  ];
}

/** What is wrong with an account, the worst first. Of one that does not work only the state counts: the rest follows from it. */
export function reasonsOf(facts: HealthFacts): HealthReason[] {
  const state = ofState(facts);
  if (!isWorking(facts.status)) return state ? [state] : [];
  const found = [
    state,
    ofWebhook(facts),
    ...ofSilence(facts),
    ...ofWork(facts),
    ...ofToken(facts),
    ...ofSends(facts),
  ].filter((one) => one !== null);
  return found.toSorted((one, other) => Number(other.verdict === 'broken') - Number(one.verdict === 'broken'));
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
