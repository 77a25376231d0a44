import type { AccountKeys } from '../../../domain/accounts.ts';
import { earliest, isSameEnd, tokenTimes } from '../../../domain/token-times.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { sealed } from '../../sealed.ts';
import type { Vault } from '../../vault.ts';
import { openLedger } from '../erasures/ledger-key.ts';
import { moveAccount } from './timeline.ts';

export const accountKeys = (keyset: Keyset, account: Pick<Account, 'id' | 'providerKeys'>): AccountKeys | null =>
  account.providerKeys
    ? (JSON.parse(keyset.open(account.providerKeys, sealed.providerKeys(account.id))) as AccountKeys)
    : null;

/**
 * Keeps keys that the provider gave at `at`, and when they must be renewed; a new API key takes the place of all that was
 * known of the one before. Equal keys are not sealed again.
 */
export async function keepAccountKeys(
  em: Em,
  vault: Vault,
  account: Account,
  keys: AccountKeys | undefined,
  at: Date,
): Promise<void> {
  if (!keys?.apiKey && !keys?.webhookSecret) return;
  const keyset = await vault.keysOf(em, account.tenantId);
  const old = accountKeys(keyset, account);
  const isNew = keys.apiKey !== undefined && keys.apiKey !== old?.apiKey;
  const { apiKey, webhookSecret, ...token } = { ...(isNew ? { webhookSecret: old?.webhookSecret } : old), ...keys };
  const text = JSON.stringify({ apiKey, webhookSecret, ...token });
  if (JSON.stringify(old) === text) return;
  account.providerKeys = keyset.seal(text, sealed.providerKeys(account.id));
  account.webhookSecretHash = webhookSecret ? (await openLedger(em, vault)).secretHash(webhookSecret) : null;
  noteTimes(em, account, token, at);
}

/** What was asked of the owner is settled where the new keys do not end as soon. */
function noteTimes(em: Em, account: Account, keys: AccountKeys, at: Date): void {
  const { refreshAt, askAt, expireAt } = tokenTimes(keys, at);
  // The same end gives no other time to ask: half of what is left would come nearer with each renewal.
  const ask = isSameEnd(expireAt, account.keysExpireAt) ? account.keysAskAt : askAt;
  Object.assign(account, { keysExpireAt: expireAt, keysRefreshAt: refreshAt, keysAskAt: ask });
  account.keysVersion += 1;
  account.keysIntentAt = null;
  account.keysFailures = 0;
  if (!ask || ask > at) moveAccount(em, account, { type: 'token_renewed', at });
  account.keysDueAt = earliest(refreshAt, ask, expireAt);
}

/** Drops the keys and the secret by which webhooks find the account. */
export function forgetAccountKeys(account: Account): void {
  Object.assign(account, {
    providerKeys: null,
    webhookSecretHash: null,
    keysExpireAt: null,
    keysRefreshAt: null,
    keysAskAt: null,
    keysIntentAt: null,
    keysDueAt: null,
  });
  account.keysVersion += 1;
  account.keysFailures = 0;
}
