import type { AccountState } from '../../domain/accounts.ts';
import type { AccountStatusKind, WebhookEvent } from '../../domain/webhook-events.ts';
import type { KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';

/** Account states in which a report of the provider would change something. The provider is asked before it does. */
const moves: Record<AccountStatusKind, ReadonlySet<AccountState>> = {
  linked: new Set(['degraded', 'reconnect_required']),
  degraded: new Set(['active', 'degraded']),
  needs_restart: new Set(['active', 'degraded']),
  login_lost: new Set(['active', 'degraded']),
  deleted: new Set(['active', 'degraded']),
  created: new Set(),
  synced: new Set(),
  unknown: new Set(),
};

/** Reports that say something of a login that is running. */
const endsLogins: ReadonlySet<AccountStatusKind> = new Set([
  'linked',
  'degraded',
  'needs_restart',
  'login_lost',
  'deleted',
]);

/**
 * Whether an event wants its account checked. An event alone moves no account, since it may be forged: it only requests a
 * check. A repeat of a report wants none while one is requested already.
 */
export const wantsCheck = (event: WebhookEvent, account: KnownAccount, isRepeat: boolean): boolean =>
  event.kind === 'account_status' &&
  (moves[event.status].has(account.state) || (account.loginRunning && endsLogins.has(event.status))) &&
  !(isRepeat && account.checkRequested);
