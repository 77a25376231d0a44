import type { AccountKeys } from '../../../domain/accounts.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { sealed } from '../../sealed.ts';
import type { Vault } from '../../vault.ts';
import { openLedger } from '../erasures/ledger-key.ts';

export const accountKeys = (keyset: Keyset, account: Pick<Account, 'id' | 'providerKeys'>): AccountKeys | null =>
  account.providerKeys
    ? (JSON.parse(keyset.open(account.providerKeys, sealed.providerKeys(account.id))) as AccountKeys)
    : null;

/** Equal keys are not sealed again. */
export async function keepAccountKeys(
  em: Em,
  vault: Vault,
  account: Account,
  keys: AccountKeys | undefined,
): Promise<void> {
  if (!keys?.apiKey && !keys?.webhookSecret) return;
  const keyset = await vault.keysOf(em, account.tenantId);
  const { apiKey, webhookSecret, ...token } = { ...accountKeys(keyset, account), ...keys };
  const text = JSON.stringify({ apiKey, webhookSecret, ...token });
  if (JSON.stringify(accountKeys(keyset, account)) === text) return;
  account.providerKeys = keyset.seal(text, sealed.providerKeys(account.id));
  account.webhookSecretHash = webhookSecret ? (await openLedger(em, vault)).secretHash(webhookSecret) : null;
}

/** Drops the keys and the secret by which webhooks find the account. */
export function forgetAccountKeys(account: Account): void {
  account.providerKeys = null;
  account.webhookSecretHash = null;
}
