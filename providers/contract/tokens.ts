import type { AccountKeys } from '../../domain/accounts.ts';
import type { ProviderCall } from './call.ts';

/** Renewing an account's own keys where they end (`AccountKeys.expiresAt`). */
export interface Tokens {
  /**
   * New keys for `call.keys`, which take the place of all of them; once a call, whatever else asks at the same time. With
   * `expiresAt`, and `refreshAt` where half of their life is not the time to renew them. Throws `login_lost` where the owner
   * must log in again.
   */
  refreshToken(call: ProviderCall): Promise<AccountKeys>;
  /**
   * The keys that were renewed work no more. Then an answer that was lost is not asked for again before `login.check` has
   * said that they do.
   */
  endsOld?: true;
}
