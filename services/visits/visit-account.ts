import type { SettledVisit } from '../../db/queries/visits/settle-visits.ts';
import type { VisitEvidence } from '../../db/queries/visits/visit-evidence.ts';
import { Account } from '../../db/entities/accounts.ts';
import { dueForCheck } from '../../db/queries/accounts/due-for-check.ts';
import { faultsOf, type DetailsFault } from '../../domain/account-integrity.ts';
import { isWorking, lacksWebhooks } from '../../domain/accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { detailsEveryMs, nextSlot, nextVisitAt, restAfter, tasksOf, type VisitTasks } from '../../domain/visits.ts';
import { habitAfter, silentSince } from '../../domain/webhook-silence.ts';
import type { Provider } from '../../providers/provider.ts';
import { refreshDetails } from '../accounts/refresh-details.ts';
import { withFreshKeys } from '../accounts/refresh-keys.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';
import { keepsHistory } from '../provider-names.ts';
import { checkWebhook, type Connection, type FoundWebhook } from './check-webhook.ts';
import { compare, hasNews } from './compare.ts';
import type { SharedTargets } from './webhook-targets.ts';

/** What visits of one group have in common. */
export interface VisitGroup {
  context: Context;
  targets: SharedTargets;
  lease: string;
  /** Since when webhooks could be taken in without a break; null: not known. Milliseconds since the epoch. */
  upSince: number | null;
  signal: AbortSignal;
}

/** A visit, and how long its calls took. */
export interface Visit {
  settled: SettledVisit;
  /** Null where no call was made. In milliseconds. */
  callsMs: number | null;
}

/** How long the calls of one visit may take, in milliseconds. */
const visitMs = 60_000;

/** What the tasks of a visit found; null and undefined: not looked at. */
interface Found {
  webhook: FoundWebhook | null;
  messages: number;
  /** Nothing that a webhook should have brought, as far as the provider shows it. */
  isCompared: boolean;
  newsAt: number | null;
  faults: DetailsFault[] | null;
  hasDetails: boolean;
}

/** Visits an account: looks for news, at its webhook and at its details, as far as each is due. Never throws a provider's failure. */
export async function visitAccount(group: VisitGroup, visit: VisitEvidence): Promise<Visit> {
  const { context } = group;
  const at = context.clock.now().getTime();
  const provider = context.providers[visit.provider];
  const habit = habitAfter(visit, visit.newestEventAt);
  const silent = silentSince(habit, group.upSince, at);
  const isSilent = silent !== null && (visit.silenceExplainedAt ?? 0) < silent;
  const stored = faultsOf(visit, at);
  const polled = provider?.conversations?.polled?.includes(visit.channel) ?? false;
  const tasks = tasksOf(
    {
      ...visit,
      keepsHistory: keepsHistory(provider, visit.channel),
      isPolled: polled,
      asksWebhook: asksWebhook(provider),
      isSilent,
      hasFaults: stored.length > 0,
    },
    at,
  );
  const found: Found = {
    webhook: null,
    messages: 0,
    isCompared: false,
    newsAt: null,
    faults: null,
    hasDetails: false,
  };
  const canVisit = isWorking(visit) && provider !== undefined && visit.providerAccountId !== null;
  const began = performance.now();
  const calls = canVisit && Object.values(tasks).some(Boolean);
  const failure = calls ? await carryOut(group, visit, tasks, found).then(() => null, failureIn) : null;
  if (failure && !(failure instanceof ProviderFailure)) {
    if (group.signal.aborted) throw failure;
    context.log.warn({ account: visit.id, tenant: visit.tenantId, err: failure }, 'an account could not be visited');
  }
  const reason = failure === null ? null : failure instanceof ProviderFailure ? failure.code : 'unexpected';
  if (reason && failureRow(reason).action === 'reconnect')
    await context.db.tenant(visit.tenantId, (em) => dueForCheck(em, visit.id, context.clock.now()));
  const outcome = !canVisit ? 'skipped' : reason ? 'failed' : 'ok';
  const webhookState = found.webhook?.state ?? visit.webhookState;
  const isExplained = isSilent && explains(found, tasks, webhookState);
  const failures = outcome === 'failed' ? visit.failures + 1 : 0;
  const after = {
    outcome,
    failures,
    retryAfterMs: failure instanceof ProviderFailure ? failure.retryAfterMs : undefined,
    isPolled: polled,
    webhookState: asksWebhook(provider) === 'never' ? 'ok' : webhookState,
    isDoubtful: (isSilent && !isExplained) || visit.isWatched || lacksWebhooks(visit),
    troubledAt: latest(visit.failedAt, found.messages ? at : visit.foundAt),
    lastEventAt: latest(habit.lastEventAt, visit.foundAt, visit.listeningAt),
  } as const;
  const detailsDueAt =
    found.hasDetails || visit.detailsDueAt === null ? nextSlot(visit.id, at, detailsEveryMs) : visit.detailsDueAt;
  return {
    callsMs: calls ? performance.now() - began : null,
    settled: {
      id: visit.id,
      outcome,
      reason: canVisit ? reason : 'not_connected',
      failures,
      dueAt: nextVisitAt(visit.id, after, at),
      intervalSeconds: Math.round(restAfter(after, at) / 1_000),
      found: found.messages,
      newsAt: found.newsAt,
      behind: null,
      webhook: found.webhook,
      lastEventAt: habit.lastEventAt,
      usualGapSeconds: habit.usualGapMs === null ? null : Math.round(habit.usualGapMs / 1_000),
      gaps: habit.gaps,
      silentSince: silent,
      isExplained,
      detailsDueAt,
      detailsFaults: found.faults ?? (canVisit ? stored : null),
    },
  };
}

const failureIn = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function asksWebhook(provider: Provider | undefined): 'shared' | 'own' | 'never' {
  if (provider?.account.missingEvents) return 'own';
  return provider?.account.webhookTargets ? 'shared' : 'never';
}

const latest = (...times: readonly (number | null)[]): number | null =>
  times.reduce<number | null>((newest, time) => (time !== null && time > (newest ?? 0) ? time : newest), null);

/** Whether the provider shows that a silence misses nothing: its list, or a webhook that is right where there is no list. */
function explains(found: Found, tasks: VisitTasks, webhookState: VisitEvidence['webhookState']): boolean {
  const isRight = webhookState === 'ok' || webhookState === null;
  return isRight && (tasks.compare ? found.isCompared : true);
}

/** Each task in turn; what was found before a failure stays found. */
async function carryOut(
  { context, targets, lease, signal }: VisitGroup,
  visit: VisitEvidence,
  tasks: VisitTasks,
  found: Found,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(visitMs)]);
  const { provider, call, credentials } = await connect(context, visit, limit);
  const at = new Date(call.now);
  if (tasks.webhook) found.webhook = await checkWebhook(context, targets, visit, { provider, call, credentials });
  if (tasks.details) {
    const of = { tenantId: visit.tenantId, accountId: visit.id };
    const fresh = await withFreshKeys(context, of, provider, call);
    found.faults = await refreshDetails(context, of, provider, fresh, visit.detailsFaults ?? []);
    found.hasDetails = true;
  }
  const isNews = tasks.news && (await hasNews(context, visit, provider, call));
  if (tasks.compare || isNews) {
    const { found: messages, missed, isThrough } = await compare(context, visit, lease, at, limit);
    found.messages = messages;
    found.isCompared = isThrough && missed === 0;
    if (isThrough) found.newsAt = at.getTime();
  } else if (tasks.news) found.newsAt = at.getTime();
}

const connect = (context: Context, visit: VisitEvidence, signal: AbortSignal): Promise<Connection> =>
  context.db.tenant(visit.tenantId, async (em) => {
    const account = await em.findOneOrFail(Account, { id: visit.id });
    if (!account.providerAccountId || !isWorking(account)) throw new ProviderFailure('not_connected', account.state);
    const at = context.clock.now();
    const connection = await connectionTo(context, em, account, at, account.providerAccountId, 'backfill');
    return { ...connection, call: { ...connection.call, signal } };
  });
