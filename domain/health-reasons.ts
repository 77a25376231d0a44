import type { HealthFacts, HealthReason } from './account-health.ts';
import { isWorking } from './accounts.ts';
import { asFailureCode, failureRow } from './failures.ts';

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

const ofFailure = (code: string | null, text: string): HealthReason => {
  const known = asFailureCode(code ?? 'unexpected');
  const { who, whatToDo } = failureRow(known);
  return { code: known, verdict: 'attention', text, who, whatToDo };
};

const ofLogins = ({ loginsHeldUntil }: HealthFacts): HealthReason[] =>
  loginsHeldUntil === null
    ? []
    : [
        ofFailure(
          'attempt_budget_spent',
          `Too many logins began lately: the next may begin at ${time(loginsHeldUntil)}.`,
        ),
      ];

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

function ofSync({ kind, failures, reason, isStuck }: HealthFacts['syncs'][number]): HealthReason[] {
  if (isStuck) return [ofFailure(reason, `The sync of its ${kind} that runs does not get on.`)];
  if (failures === 0) return [];
  return [
    ofFailure(reason, `${failures === 1 ? 'The last sync' : `The last ${failures} syncs`} of its ${kind} failed.`),
  ];
}

/** Fewer failed visits in a row pass by themselves. */
const failedVisits = 3;

function ofWork({ visits, syncs, overdue, detailsFaults }: HealthFacts): HealthReason[] {
  return [
    ...(visits.failures >= failedVisits
      ? [ofFailure(visits.reason, `The last ${visits.failures} visits at the provider failed.`)]
      : []),
    ...syncs.flatMap(ofSync),
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

/** What is wrong with an account, the worst first. Of one that does not work the state counts, and what is in the way of a login: the rest follows from it. */
export function reasonsOf(facts: HealthFacts): HealthReason[] {
  const state = ofState(facts);
  if (!isWorking(facts.status)) return state ? [state, ...ofLogins(facts)] : [];
  const found = [
    state,
    ofWebhook(facts),
    ...ofSilence(facts),
    ...ofWork(facts),
    ...ofToken(facts),
    ...ofLogins(facts),
    ...ofSends(facts),
  ].filter((one) => one !== null);
  return found.toSorted((one, other) => Number(other.verdict === 'broken') - Number(one.verdict === 'broken'));
}
