import type { Em } from '../../db/connect.ts';
import { AccountVisit } from '../../db/entities/account-visits.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { accountCoverage, reconnectsOf, sendQueueOf, syncRecords } from '../../db/queries/health/account-record.ts';
import type { DueKind } from '../../db/queries/health/due-syncs.ts';
import { activityOf, type Activity } from '../../db/queries/health/activity.ts';
import { errorsOf } from '../../db/queries/health/errors.ts';
import { usageOf } from '../../db/queries/health/usage.ts';
import { webhookHealth } from '../../db/queries/webhooks/webhook-health.ts';
import { judgeHealth, type HealthFacts } from '../../domain/account-health.ts';
import { isWorking } from '../../domain/accounts.ts';
import { reasonsOf } from '../../domain/health-reasons.ts';
import { waysToResume } from '../../domain/sending-stops.ts';
import { syncKinds } from '../../domain/syncs.ts';
import type { Context } from '../context.ts';
import { guardOf } from '../guard/guard-state.ts';
import { keepsHistory } from '../provider-names.ts';
import { isSwept, overdueSince } from './overdue.ts';

const dayMs = 86_400_000;
/** Errors, webhook events and reconnections of so many days count. */
export const recordDays = 30;
/** Webhook events that failed within so many days count against the account. */
const failedEventDays = 7;

/** Everything that the health of one account is made of. */
export async function readFacts(em: Em, account: Account, now: Date, days: number) {
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
    guard: await guardOf(em, account, now),
    usage: await usageOf(em, id, now, days),
  };
}

export type AccountFacts = Awaited<ReturnType<typeof readFacts>>;

/** The newest sign of life of an account: a webhook, or a message that a sync found. */
const lastSignOf = ({ lastWebhookAt, lastMessageInAt }: Activity): Date | null =>
  lastWebhookAt === null || (lastMessageInAt !== null && lastMessageInAt > lastWebhookAt)
    ? lastMessageInAt
    : lastWebhookAt;

/** Since when the account is unusually silent: as the last visit found, unless something came since. */
function silentSince({ visit, activity }: AccountFacts): Date | null {
  const lastSign = lastSignOf(activity);
  const since = visit?.silentSince ?? null;
  if (since === null) return null;
  return lastSign !== null && lastSign > since ? null : since;
}

/** What should have been done of an account long ago. */
function overdueOf(context: Context, account: Account, { visit }: AccountFacts, now: Date): HealthFacts['overdue'] {
  const late = (kind: DueKind, what: string, at: Date | null | undefined) =>
    at && at < overdueSince(kind, now) && isSwept(context, kind) ? [{ what, since: at.getTime() }] : [];
  return [
    ...late('visits', 'visit at the provider', visit?.lease ? null : visit?.dueAt),
    ...late('contacts', 'sync of contacts', account.contactsDueAt),
    ...late('tokens', 'look at its token', account.keysDueAt),
  ];
}

/** The verdict on an account by what was read of it. */
export function judge(context: Context, account: Account, facts: AccountFacts, now: Date) {
  const { visit, activity, syncs, errors, queue, guard } = facts;
  const failedEvents = errors.filter(
    ({ source, lastAt }) => source === 'webhook_events' && lastAt.getTime() > now.getTime() - failedEventDays * dayMs,
  );
  const since = silentSince(facts);
  const isOnly = !keepsHistory(context.providers[account.provider], account.channel);
  // What the provider lists shows that nothing was missed; a webhook that is right shows less.
  const isExplained = !isOnly && (visit?.silenceExplainedAt ?? null) !== null;
  const reasons = reasonsOf({
    status: account,
    webhook: {
      state: visit?.webhookState ?? null,
      missing: visit?.webhookMissing ?? [],
      isOnly,
    },
    registersWebhook: context.providers[account.provider]?.account.registerWebhooks !== undefined,
    silence: {
      since: isExplained ? null : (since?.getTime() ?? null),
      usualMs: visit?.usualGapSeconds ? visit.usualGapSeconds * 1_000 : null,
    },
    detailsFaults: visit?.detailsFaults ?? [],
    visits: { failures: visit?.failures ?? 0, reason: visit?.reason ?? null },
    syncs: syncs.map((one) => ({ ...one, isStuck: one.state === 'running' && one.reason !== null })),
    overdue: isWorking(account) ? overdueOf(context, account, facts, now) : [],
    token: { endsAt: account.keysExpireAt?.getTime() ?? null, failedRenewals: account.keysFailures },
    sends: {
      unclear: queue.unclear,
      holdsUntil: queue.holdsUntil?.getTime() ?? null,
      holdsFor: queue.holdsFor,
      stopped: guard.stopped && waysToResume[guard.stopped.reason],
    },
    loginsHeldUntil: guard.logins.nextAt?.getTime() ?? null,
    failedEvents: failedEvents.reduce((sum, one) => sum + one.errors, 0),
  });
  return { ...judgeHealth(account.state, reasons), reasons, silentSince: since, lastSign: lastSignOf(activity) };
}
