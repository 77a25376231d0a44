import type { AccountVisit } from '../../db/entities/account-visits.ts';
import type { Account } from '../../db/entities/accounts.ts';
import type { SyncRecord } from '../../db/queries/health/account-record.ts';
import type { ErrorClass } from '../../db/queries/health/errors.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import { unusualAfterMs } from '../../domain/webhook-silence.ts';
import { anyAccount } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { judge, readFacts, recordDays } from './account-facts.ts';

const timeOrNull = (at: Date | null | undefined): string | null => at?.toISOString() ?? null;
const seconds = (ms: number): number => Math.round(ms / 1_000);

/** Webhook events have no failure code: they are applied once they are replayed. */
const eventAdvice = {
  who: 'operator',
  what_to_do: 'Have it applied: POST /api/v1/webhook-events/{id}/replay.',
} as const;

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
  const habit = visit && {
    usualGapMs: visit.usualGapSeconds === null ? null : visit.usualGapSeconds * 1_000,
    gaps: visit.gaps,
  };
  const after = habit && unusualAfterMs(habit);
  return {
    silent_seconds: lastSign && Math.max(0, seconds(now.getTime() - lastSign.getTime())),
    usual_seconds: visit?.usualGapSeconds ?? null,
    unusual_after_seconds: after === null ? null : seconds(after),
    unusual_since: timeOrNull(since),
    explained_at: since && timeOrNull(visit?.silenceExplainedAt),
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
    const { visit, missed, activity, coverage, reconnects, queue, guard } = facts;
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
      guard,
      sends: {
        waiting: queue.waiting,
        unclear: queue.unclear,
        holds_until: timeOrNull(queue.holdsUntil),
        holds_for: queue.holdsFor,
      },
      reconnects: {
        days: recordDays,
        succeeded: reconnects.reconnects,
        automatic: reconnects.automatic,
        last_at: timeOrNull(reconnects.lastAt),
      },
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
