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

/** Reports that say how a running login or check may end. */
const news: ReadonlySet<AccountStatusKind> = new Set(['linked', 'degraded', 'needs_restart', 'login_lost', 'deleted']);

/**
 * What an event wants. An event alone moves no account, since it may be forged: it only has the account checked. `check_again`:
 * a repeat, which a check that is requested already may answer. `note`: only such a check may have asked the provider too early
 * to see what is reported.
 */
export type Effect = 'check' | 'check_again' | 'note' | 'none';

export function effectOf(event: WebhookEvent, account: KnownAccount, isRepeat: boolean): Effect {
  if (event.kind !== 'account_status' || !news.has(event.status)) return 'none';
  if (moves[event.status].has(account.state) || account.loginRunning) return isRepeat ? 'check_again' : 'check';
  return account.checkRequested ? 'note' : 'none';
}
