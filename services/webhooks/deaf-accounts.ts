import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { WebhookWatch } from '../../db/entities/missed-webhooks.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { addTimelineEvent, moveAccount } from '../../db/queries/accounts/timeline.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import { broughtSince, claimRenewal, releaseRenewal } from '../../db/queries/webhooks/missed-webhooks.ts';
import { lacksWebhooks } from '../../domain/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import {
  judgeWebhooks,
  provingSince,
  registerRestMs,
  watchMs,
  type MissRule,
  type WatchedWebhooks,
  type WebhookVerdict,
} from '../../domain/missed-webhooks.ts';
import { timeOf, type Context } from '../context.ts';
import type { Held, HeldRef } from '../syncs/held-run.ts';
import { renewWebhooks } from './register-webhooks.ts';

/** A degraded account is compared with its provider this often, so that it heals soon. In milliseconds. */
const degradedEveryMs = 5 * 60_000;
/** A webhook that many accounts share is made anew once within this time, in milliseconds. */
const sharedForMs = 10 * 60_000;

/**
 * Judges an account's webhooks by a sweep that has ended: one that misses messages again and again becomes degraded, and has
 * its webhook registered anew; once webhooks arrive it is as before.
 */
export async function followSweep(context: Context, ref: HeldRef, held: Held): Promise<void> {
  try {
    await follow(context, ref, held);
  } catch (error) {
    // The sync has ended, whatever becomes of this: the next one judges again.
    context.log.warn({ account: ref.accountId, err: error }, 'the webhooks of an account could not be judged');
  }
}

async function follow(context: Context, ref: HeldRef, held: Held): Promise<void> {
  const verdict = await context.db.tenant(ref.tenantId, async (em) => {
    const account = await lockAccountOfLogin(em, ref.accountId, held.login);
    const watch = account && (await em.findOne(WebhookWatch, { accountId: ref.accountId }));
    return watch ? judge(context, em, account, watch, ref, held.run.id) : 'watch';
  });
  if (verdict === 'degrade' || verdict === 'register') await register(context, ref, held);
}

async function judge(
  context: Context,
  em: Em,
  account: Account,
  watch: WebhookWatch,
  ref: HeldRef,
  runId: string,
): Promise<WebhookVerdict> {
  const at = timeOf(context, ref);
  const hasMissed = watch.runId === runId;
  // A login since then, or trouble of the provider, has made the account active again.
  if (watch.degradedAt && !lacksWebhooks(account)) startAgain(watch);
  if (hasMissed) addSweep(watch, at);
  const brought = await broughtSince(em, account.id, watch.since);
  Object.assign(watch, { brought: brought.messages, lastWebhookAt: brought.lastAt });
  const watched = watchedOf(watch);
  const proving = await broughtSince(em, account.id, new Date(provingSince(watched)));
  const found = { hasMissed, broughtSince: proving.messages, at: at.getTime() };
  const verdict = judgeWebhooks(watched, found, ruleOf(context.config));
  if (verdict === 'degrade' && moveAccount(em, account, { type: 'webhooks_missed', at }))
    degrade(em, account, watch, at);
  if (verdict === 'heal' && moveAccount(em, account, { type: 'webhooks_arrive', at }))
    addTimelineEvent(em, account, at, 'webhooks_arrive', healedText(proving.messages), {
      data: { messages: proving.messages, last_webhook_at: watch.lastWebhookAt },
    });
  if (verdict === 'heal' || verdict === 'forget') em.remove(watch);
  else if (watch.degradedAt) account.historyDueAt = new Date(at.getTime() + degradedEveryMs);
  return verdict;
}

/** Counts a sweep that found missed messages; what is older than a day counts no more, unless the account is degraded. */
function addSweep(watch: WebhookWatch, at: Date): void {
  const isOld = watch.since.getTime() < at.getTime() - watchMs && !watch.degradedAt;
  if (isOld) Object.assign(watch, { since: watch.runSince, missed: watch.runMissed, sweeps: 0 });
  watch.sweeps += 1;
}

const startAgain = (watch: WebhookWatch): void => {
  const { runSince: since, runMissed: missed } = watch;
  Object.assign(watch, { since, missed, sweeps: 0, degradedAt: null, registeredAt: null });
  Object.assign(watch, { registrations: [], registerTries: 0, registerAt: null });
};

function degrade(em: Em, account: Account, watch: WebhookWatch, at: Date): void {
  watch.degradedAt = at;
  const { missed, since, lastWebhookAt } = watch;
  const messages = missed + watch.brought;
  const text = `Webhooks missed ${missed} of ${messages} messages since ${since.toISOString()}; ${lastText(lastWebhookAt)}.`;
  addTimelineEvent(em, account, at, 'webhooks_missed', text, {
    data: { missed, messages, since, last_webhook_at: lastWebhookAt },
  });
}

const lastText = (at: Date | null): string => (at ? `the last webhook came at ${at.toISOString()}` : 'no webhook came');
const healedText = (messages: number): string =>
  messages
    ? `Webhooks arrive again: ${messages} ${messages === 1 ? 'message' : 'messages'} since the webhook was registered.`
    : 'No message was missed for a day.';

/** Has the webhook made anew, once for all accounts that share it, and says so on the account. */
async function register(context: Context, ref: HeldRef, held: Held): Promise<void> {
  const at = timeOf(context, ref);
  const credentials = await context.db.tenant(ref.tenantId, (em) => credentialsOf(em, ref.accountId));
  const before = new Date(at.getTime() - sharedForMs);
  const claim = await context.db.system((em) => claimRenewal(em, credentials.id, at, before));
  try {
    const registrations = claim.isClaimed
      ? await renewWebhooks(context, held.provider, held.call, credentials)
      : await subscribeAgain(held, credentials);
    await noteRegistered(context, ref, held, registrations, claim.renewedAt);
  } catch (error) {
    if (claim.isClaimed) await context.db.system((em) => releaseRenewal(em, credentials.id, at));
    if (!(error instanceof ProviderFailure)) throw error;
    await noteRefused(context, ref, held, error);
  }
}

/** The webhook that accounts share was made anew a moment ago: an account may have one of its own besides. */
async function subscribeAgain({ provider, call }: Held, credentials: ProviderCredentials): Promise<string[]> {
  await provider.account.subscribe?.(call);
  return credentials.registrations;
}

async function credentialsOf(em: Em, accountId: string): Promise<ProviderCredentials> {
  const { credentialsId, tenantId, provider } = await em.findOneOrFail(Account, { id: accountId });
  const found = credentialsId
    ? await em.findOne(ProviderCredentials, { id: credentialsId })
    : await credentialsFor(em, tenantId, provider);
  if (!found) throw new ProviderFailure('provider_not_configured', `There are no credentials of ${provider}.`);
  return found;
}

const noteRegistered = (
  context: Context,
  ref: HeldRef,
  held: Held,
  registrations: string[],
  registeredAt: Date,
): Promise<void> =>
  withWatch(context, ref, held, (em, account, watch) => {
    Object.assign(watch, { registrations, registeredAt });
    const text = 'The webhook was registered anew at the provider.';
    addTimelineEvent(em, account, timeOf(context, ref), 'webhooks_registered', text, { data: { registrations } });
  });

const noteRefused = (context: Context, ref: HeldRef, held: Held, { code }: ProviderFailure): Promise<void> =>
  withWatch(context, ref, held, (em, account) => {
    const text = 'The webhook could not be registered anew; it is tried again.';
    addTimelineEvent(em, account, timeOf(context, ref), 'webhooks_not_registered', text, { data: { reason: code } });
  });

/** Of an account that is still degraded; counts the try. */
const withWatch = (
  context: Context,
  ref: HeldRef,
  held: Held,
  write: (em: Em, account: Account, watch: WebhookWatch) => void,
): Promise<void> =>
  context.db.tenant(ref.tenantId, async (em) => {
    const account = await lockAccountOfLogin(em, ref.accountId, held.login);
    const watch = account && (await em.findOne(WebhookWatch, { accountId: ref.accountId }));
    if (!watch || !lacksWebhooks(account)) return;
    watch.registerAt = new Date(timeOf(context, ref).getTime() + registerRestMs(watch.registerTries));
    watch.registerTries += 1;
    write(em, account, watch);
  });

const watchedOf = (watch: WebhookWatch): WatchedWebhooks => ({
  sweeps: watch.sweeps,
  missed: watch.missed,
  brought: watch.brought,
  lastMissedAt: watch.lastMissedAt.getTime(),
  degradedAt: watch.degradedAt?.getTime() ?? null,
  registeredAt: watch.registeredAt?.getTime() ?? null,
  registerAt: watch.registerAt?.getTime() ?? null,
});

const ruleOf = (config: Context['config']): MissRule => ({
  sweeps: config.MISSED_WEBHOOKS_SWEEPS,
  messages: config.MISSED_WEBHOOKS_MESSAGES,
  share: config.MISSED_WEBHOOKS_PERCENT / 100,
});
