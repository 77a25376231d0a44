import type { Account } from '../../db/entities/accounts.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { addTimelineEvent, moveAccount } from '../../db/queries/accounts/timeline.ts';
import { claimRenewal, releaseRenewal } from '../../db/queries/webhooks/missed-webhooks.ts';
import type { VisitEvidence } from '../../db/queries/visits/visit-evidence.ts';
import type { Em } from '../../db/connect.ts';
import { lacksWebhooks } from '../../domain/accounts.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { registerRestMs } from '../../domain/missed-webhooks.ts';
import { shownAddress } from '../../domain/shown-address.ts';
import type { WebhookState } from '../../domain/visits.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { renewWebhooks } from '../webhooks/register-webhooks.ts';
import type { SharedTargets } from './webhook-targets.ts';

/** What was found of an account's webhook; addresses as they may be shown. */
export interface FoundWebhook {
  state: WebhookState;
  expected: string | null;
  actual: string | null;
  missing: readonly string[];
  /** It was registered again by this visit, or that was tried. */
  repaired: boolean;
}

/** A connection to the provider of an account, with the credentials that it uses. */
export interface Connection {
  provider: Provider;
  call: ProviderCall;
  credentials: ProviderCredentials;
}

/** A webhook that many accounts share is made anew once within this time, in milliseconds. */
const sharedForMs = 10 * 60_000;
/** From so many repairs on that did not help, an account counts as one whose webhooks do not come. */
const degradesFrom = 2;

/**
 * Compares where an account's events go with where they should, and registers the webhook again where that differs. An account whose
 * events go elsewhere although that was repaired is degraded, until they come here again. Null where the provider does not
 * tell.
 */
export async function checkWebhook(
  context: Context,
  targets: SharedTargets,
  visit: VisitEvidence,
  connection: Connection,
): Promise<FoundWebhook | null> {
  const found = await find(context, targets, connection);
  if (!found) return null;
  const { now } = connection.call;
  const isRested =
    visit.webhookRepairedAt === null || now - visit.webhookRepairedAt >= registerRestMs(visit.webhookRepairs - 1);
  const { id } = connection.credentials;
  const result =
    found.state !== 'ok' && isRested
      ? await targets.alone(id, () => repair(context, targets, visit, connection, found))
      : found;
  const failed = visit.webhookRepairs + (result.repaired ? 1 : 0);
  const isOver = result.state === 'ok' && lacksWebhooks(visit) && !visit.isWatched;
  const isNew = result.state !== 'ok' && visit.webhookState !== result.state;
  const isLost = (result.state === 'off' || result.state === 'elsewhere') && failed >= degradesFrom;
  if (result.repaired || isOver || isNew || (isLost && !lacksWebhooks(visit)))
    await context.db.tenant(visit.tenantId, async (em) => {
      const account = await lockAccountOfLogin(em, visit.id, visit.providerAccountId ?? '');
      if (account) tell(em, account, found, result, { isOver, isNew, isLost }, new Date(now));
    });
  return result;
}

async function find(
  context: Context,
  targets: SharedTargets,
  { provider, call, credentials }: Connection,
): Promise<FoundWebhook | null> {
  const told = await targets.of(credentials.id, provider, call);
  const target = told?.(call) ?? null;
  const own = await provider.account.missingEvents?.(call);
  if (!target && own === undefined) return null;
  const expected = webhookAddress(context.publicUrl, provider.name, credentials.webhookToken);
  const ours = [expected, ...provider.webhooks.paths.map((path) => `${context.publicUrl}${path}`)];
  const isOurs = !target || ours.some((one) => target.address === one || target.address === `${one}/`);
  const isOff = target?.address === null || own === null;
  const missing = [...new Set([...(target?.missing ?? []), ...(own ?? [])])];
  const state = isOff ? 'off' : !isOurs ? 'elsewhere' : missing.length ? 'incomplete' : 'ok';
  const actual = own === null ? null : target ? target.address : expected;
  return { state, expected: shownAddress(expected), actual: shownAddress(actual), missing, repaired: false };
}

/** Registers what lacks: what all accounts share once, and what is the account's own. Answers what is found then. */
async function repair(
  context: Context,
  targets: SharedTargets,
  visit: VisitEvidence,
  connection: Connection,
  found: FoundWebhook,
): Promise<FoundWebhook> {
  const { provider, call, credentials } = connection;
  // The visit of another account may have mended what they share.
  const now = (await find(context, targets, connection)) ?? found;
  if (now.state === 'ok') return now;
  const at = new Date(call.now);
  const before = new Date(call.now - sharedForMs);
  const claim = await context.db.system((em) => claimRenewal(em, credentials.id, at, before));
  try {
    if (claim.isClaimed && provider.account.registerWebhooks)
      await renewWebhooks(context, provider, call, credentials, false);
    else await provider.account.subscribe?.(call);
  } catch (error) {
    if (claim.isClaimed) await context.db.system((em) => releaseRenewal(em, credentials.id, at));
    if (!(error instanceof ProviderFailure)) throw error;
    context.log.info(
      { account: visit.id, tenant: visit.tenantId, err: error },
      'a webhook could not be registered again',
    );
  }
  targets.forget(credentials.id);
  return { ...((await find(context, targets, connection)) ?? now), repaired: true };
}

const words: Record<WebhookState, string> = {
  ok: 'goes to Patchbay',
  elsewhere: 'goes to another address',
  off: 'is switched off, or not there',
  incomplete: 'does not send all events',
};

function tell(
  em: Em,
  account: Account,
  found: FoundWebhook,
  result: FoundWebhook,
  { isOver, isNew, isLost }: Record<'isOver' | 'isNew' | 'isLost', boolean>,
  at: Date,
): void {
  const { expected, actual, missing } = found;
  const data = { state: found.state, expected, actual, missing };
  if (result.repaired && result.state === 'ok')
    addTimelineEvent(
      em,
      account,
      at,
      'webhooks_registered',
      `The webhook ${words[found.state]}: it was registered again.`,
      {
        data,
      },
    );
  else if (isNew)
    addTimelineEvent(em, account, at, 'webhooks_wrong', `The webhook ${words[result.state]}. It is tried again.`, {
      data,
    });
  if (isLost) moveAccount(em, account, { type: 'webhooks_missed', at });
  if (isOver && moveAccount(em, account, { type: 'webhooks_arrive', at }))
    addTimelineEvent(em, account, at, 'webhooks_arrive', `The webhook ${words.ok} again.`, { data });
}
