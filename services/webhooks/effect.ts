import { needsCheck } from '../../domain/accounts.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import type { KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';

/**
 * What an event wants. An event alone moves no account, since it may be forged: it only has the account checked. `check_again`:
 * a repeat, which a check that is requested already may answer. `note`: only such a check may have asked the provider too early
 * to see what is reported.
 */
export type Effect = 'check' | 'check_again' | 'note' | 'none';

/**
 * Whether an event that moves no account makes its details worth collecting: the provider reported something about an account
 * that works.
 */
export const refreshesDetails = (event: WebhookEvent, account: KnownAccount): boolean =>
  event.kind === 'account_status' &&
  !account.loginRunning &&
  (account.state === 'active' || account.state === 'degraded');

export function effectOf(event: WebhookEvent, account: KnownAccount, isRepeat: boolean): Effect {
  if (event.kind !== 'account_status') return 'none';
  if (needsCheck(event.status, account.state, account.loginRunning)) return isRepeat ? 'check_again' : 'check';
  return account.checkRequested && needsCheck(event.status, account.state, true) ? 'note' : 'none';
}
