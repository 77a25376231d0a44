import type { AccountKeys } from '../../domain/accounts.ts';
import type { ProviderCall } from './call.ts';

/** Renewing an account's own keys where they expire (`AccountKeys.expiresAt`). */
export interface Tokens {
  /**
   * New keys for `call.keys`, which take the place of all of them. Throws `login_lost` where the owner must log in
   * again.
   */
  refreshToken(call: ProviderCall): Promise<AccountKeys>;
}
