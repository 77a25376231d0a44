import type { Em } from '../../db/connect.ts';
import { AccountVisit } from '../../db/entities/account-visits.ts';
import type { Account } from '../../db/entities/accounts.ts';
import {
  accountCoverage,
  reconnectsOf,
  sendQueueOf,
  syncRecords,
  type SyncRecord,
} from '../../db/queries/health/account-record.ts';
import { activityOf, type Activity } from '../../db/queries/health/activity.ts';
import { errorsOf, type ErrorClass } from '../../db/queries/health/errors.ts';
import { usageOf } from '../../db/queries/health/usage.ts';
import { webhookHealth } from '../../db/queries/webhooks/webhook-health.ts';
import { judgeHealth, reasonsOf, type HealthFacts } from '../../domain/account-health.ts';
import { isWorking } from '../../domain/accounts.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import { syncKinds } from '../../domain/syncs.ts';
import { anyAccount } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { keepsHistory } from '../provider-names.ts';
import { budgetsOf } from './budgets.ts';
import { overdueSince } from './overdue.ts';

const dayMs = 86_400_000;
/** Errors, webhook events and reconnections of so many days count. */
export const recordDays = 30;
/** Webhook events that failed within so many days count against the account. */
const failedEventDays = 7;

/** Everything that the health of one account is made of. */
async function readFacts(em: Em, account: Account, now: Date, days: number) {
  const { id, tenantId } = account;
  const since = new Date(now.getTime() - recordDays * dayMs);
  return {
    visit: await em.findOne(AccountVisit, { accountId: id }),
    missed: await webhookHealth(em, id),
    activity: await activityOf(em, id, since),
    syncs: await syncRecords(em, id, syncKinds),
    errors: await errorsOf(em, { accountId: id, tenantId }, since),
    reconnects: await reconnectsOf(em, id, since),
    coverage: await accountCoverage(em, id),
    queue: await sendQueueOf(em, id, now),
    budgets: await budgetsOf(em, account, now),
    usage: await usageOf(em, id, now, days),
  };
}

type Facts = Awaited<ReturnType<typeof readFacts>>;

/** The newest sign of life of an account: a webhook, or a message that a sync found. */
const lastSignOf = ({ lastWebhookAt, lastMessageInAt }: Activity): Date | null =>
  lastWebhookAt === null || (lastMessageInAt !== null && lastMessageInAt > lastWebhookAt)
    ? lastMessageInAt
    : lastWebhookAt;

/** Since when the account is unusually silent: as the last visit found, unless something came since. */
function silentSince({ visit, activity }: Facts): Date | null {
  const lastSign = lastSignOf(activity);
  const since = visit?.silentSince ?? null;
  if (since === null || visit?.silenceExplainedAt) return null;
  return lastSign !== null && lastSign > since && lastSign > (visit?.lastEventAt ?? since) ? null : since;
}

/** What should have been done of an account long ago. */
function overdueOf(context: Context, account: Account, { visit }: Facts, now: Date): HealthFacts['overdue'] {
  const late = (what: string, at: Date | null | undefined, before: Date) =>
    at && at < before ? [{ what, since: at.getTime() }] : [];
  return [
    ...late('visit at the provider', visit?.lease ? null : visit?.dueAt, overdueSince('visits', now)),
    // Without the Schedule contacts stay due until a sync is requested.
    ...(context.config.WASENDER_AUTO_SYNC_ENABLED
      ? late('sync of contacts', account.contactsDueAt, overdueSince('contacts', now))
      : []),
    ...late('look at its token', account.keysDueAt, overdueSince('tokens', now)),
  ];
}

function judge(context: Context, account: Account, facts: Facts, now: Date) {
  const { visit, activity, syncs, errors, queue, budgets } = facts;
  const failedEvents = errors.filter(
    ({ source, lastAt }) =>
      source === 'webhook_events' && lastAt.getTime() > now.getTime() - failedEventDays * dayMs,
  );
  const since = silentSince(facts);
  const reasons = reasonsOf({
    status: account,
    webhook: {
      state: visit?.webhookState ?? null,
      missing: visit?.webhookMissing ?? [],
      isOnly: !keepsHistory(context.providers[account.provider], account.channel),
    },
    registersWebhook: context.providers[account.provider]?.account.registerWebhooks !== undefined,
    silence: { since: since?.getTime() ?? null, usualMs: visit?.usualGapSeconds ? visit.usualGapSeconds * 1_000 : null },
    detailsFaults: visit?.detailsFaults ?? [],
    visits: { failures: visit?.failures ?? 0, reason: visit?.reason ?? null },
    syncs,
    overdue: isWorking(account) ? overdueOf(context, account, facts, now) : [],
    token: { endsAt: account.keysExpireAt?.getTime() ?? null, failedRenewals: account.keysFailures },
    sends: {
      unclear: queue.unclear,
      holdsUntil: queue.holdsUntil?.getTime() ?? null,
      holdsFor: queue.holdsFor,
      stopped: budgets.stopped,
    },
    failedEvents: failedEvents.reduce((sum, one) => sum + one.errors, 0),
  });
  return { ...judgeHealth(account.state, reasons), reasons, silentSince: since, lastSign: lastSignOf(activity) };
}

const timeOrNull = (at: Date | null | undefined): string | null => at?.toISOString() ?? null;
const seconds = (ms: number): number => Math.round(ms / 1_000);

/** Webhook events have no failure code: they are applied once they are replayed. */
const eventAdvice = { who: 'operator', what_to_do: 'Have it applied: POST /api/v1/webhook-events/{id}/replay.' } as const;

function errorJson({ source, code, errors, lastAt }: ErrorClass) {
  const { who, whatToDo } = failureRow(asFailureCode(code));
  const advice = source === 'webhook_events' ? eventAdvice : { who, what_to_do: whatToDo };
  return { source, code, errors, last_at: lastAt.toISOString(), ...advice };
}

const syncJson = ({ kind, state, reason, startedAt, lastSucceededAt, failures }: SyncRecord) => ({
  kind,
  state,
  reason,
  started_at: startedAt.toISOString(),
  last_succeeded_at: timeOrNull(lastSucceededAt),
  failures,
});

function tokenJson({ keysExpireAt, keysRefreshAt, keysFailures }: Account, now: Date) {
  if (!keysExpireAt) return null;
  return {
    ends_at: keysExpireAt.toISOString(),
    seconds_left: Math.max(0, seconds(keysExpireAt.getTime() - now.getTime())),
    renewed_at: timeOrNull(keysRefreshAt),
    failed_renewals: keysFailures,
  };
}

function silenceJson(visit: AccountVisit | null, since: Date | null, lastSign: Date | null, now: Date) {
  const habit = visit && { usualGapMs: visit.usualGapSeconds === null ? null : visit.usualGapSeconds * 1_000, gaps: visit.gaps };
  const after = habit && unusualAfterMs(habit);
  return {
    silent_seconds: lastSign && Math.max(0, seconds(now.getTime() - lastSign.getTime())),
    usual_seconds: visit?.usualGapSeconds ?? null,
    unusual_after_seconds: after === null ? null : seconds(after),
    unusual_since: timeOrNull(since),
  };
}

const visitJson = (visit: AccountVisit) => ({
  last_at: timeOrNull(visit.visitedAt),
  last_succeeded_at: timeOrNull(visit.succeededAt),
  outcome: visit.outcome,
  reason: visit.reason,
  failures: visit.failures,
  due_at: timeOrNull(visit.dueAt),
  details_faults: visit.detailsFaults ?? [],
});

const subscriptionJson = (visit: AccountVisit) => ({
  state: visit.webhookState,
  expected_address: visit.webhookExpected,
  actual_address: visit.webhookActual,
  missing: visit.webhookMissing,
  checked_at: timeOrNull(visit.webhookCheckedAt),
  repaired_at: timeOrNull(visit.webhookRepairedAt),
});

/** An account's health as the API and the command show it, with its use of the last `days` days. 404 without the account. */
export const accountHealth = (context: Context, tenantId: string, id: string, days: number) =>
  context.db.tenant(tenantId, async (em) => {
    const now = context.clock.now();
    const account = await anyAccount(em, id);
    const facts = await readFacts(em, account, now, days);
    const { verdict, summary, reasons, silentSince: silent, lastSign } = judge(context, account, facts, now);
    const { visit, missed, activity, coverage, reconnects, queue, budgets } = facts;
    return {
      account_id: account.id,
      provider: account.provider,
      channel: account.channel,
      owner: account.owner,
      label: account.label,
      checked_at: now.toISOString(),
      verdict,
      summary,
      reasons: reasons.map(({ whatToDo, ...reason }) => ({ ...reason, what_to_do: whatToDo })),
      state: account.state,
      reason: account.reason,
      who: account.who,
      since: account.since.toISOString(),
      merged_into: account.mergedInto,
      activity: {
        last_webhook_at: timeOrNull(activity.lastWebhookAt),
        last_message_in_at: timeOrNull(activity.lastMessageInAt),
        last_message_out_at: timeOrNull(activity.lastMessageOutAt),
        silence: silenceJson(visit, silent, lastSign, now),
      },
      subscription: visit && subscriptionJson(visit),
      missed,
      visits: visit && visitJson(visit),
      syncs: facts.syncs.map(syncJson),
      token: tokenJson(account, now),
      coverage,
      budgets: { ...budgets, waiting: queue.waiting, unclear: queue.unclear, holds_until: timeOrNull(queue.holdsUntil), holds_for: queue.holdsFor },
      reconnects: { days: recordDays, succeeded: reconnects.reconnects, automatic: reconnects.automatic, last_at: timeOrNull(reconnects.lastAt) },
      errors: facts.errors.map(errorJson),
      usage: facts.usage.map((day) => ({
        date: day.day,
        messages_in: day.messagesIn,
        messages_out: day.messagesOut,
        sends: { sent: day.sent, failed: day.failed, unclear: day.unclear, cancelled: day.cancelled },
        syncs: { succeeded: day.syncsSucceeded, failed: day.syncsFailed },
        webhook_events: day.webhookEvents,
        counted_at: timeOrNull(day.countedAt),
        is_waiting: day.isWaiting,
      })),
    };
  });
