import { createHash } from 'node:crypto';
import type { AccountKeys } from '../../../domain/account-keys.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import { rows, type Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { sealed } from '../../sealed.ts';

/** The keys that an account's provider gave it, opened; null where it has none. */
export const accountKeys = (keyset: Keyset, account: Account): AccountKeys | null =>
  account.providerKeys
    ? (JSON.parse(keyset.open(account.providerKeys, sealed.providerKeys(account.id))) as AccountKeys)
    : null;

/** Keeps the keys that the provider gives an account now. Equal ones are not sealed again. */
export function keepAccountKeys(keyset: Keyset, account: Account, keys: AccountKeys | undefined): void {
  if (!keys?.apiKey && !keys?.webhookSecret) return;
  const { apiKey, webhookSecret } = { ...accountKeys(keyset, account), ...keys };
  const text = JSON.stringify({ apiKey, webhookSecret });
  if (JSON.stringify(accountKeys(keyset, account)) === text) return;
  account.providerKeys = keyset.seal(text, sealed.providerKeys(account.id));
  account.webhookSecretHash = webhookSecret ? hashOf(webhookSecret) : null;
}

export function forgetAccountKeys(account: Account): void {
  account.providerKeys = null;
  account.webhookSecretHash = null;
}

/** The upstream login whose webhooks carry this secret; null for nobody's. Runs as the system's role. */
export async function loginBySecret(em: Em, credentialsId: string, secret: string): Promise<string | null> {
  const [found] = await rows<{ id: string | null }>(
    em,
    `select provider_account_id as id from accounts
     where credentials_id = ? and webhook_secret_hash = ? and merged_into is null
     order by provider_account_id nulls last limit 1`,
    [credentialsId, hashOf(secret)],
  );
  return found?.id ?? null;
}

/** The provider drew the secret at random: nobody finds it again from this. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
