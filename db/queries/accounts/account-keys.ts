import { createHash } from 'node:crypto';
import type { AccountKeys } from '../../../domain/accounts.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { sealed } from '../../sealed.ts';
import { rows, sql } from '../../sql.ts';

/** The keys that an account's provider gave it, opened; null where it has none. */
export const accountKeys = (keyset: Keyset, account: Account): AccountKeys | null =>
  account.providerKeys
    ? (JSON.parse(keyset.open(account.providerKeys, sealed.providerKeys(account.id))) as AccountKeys)
    : null;

/** Stores the keys that the provider gives an account now. Equal ones are not sealed again. */
export function keepAccountKeys(keyset: Keyset, account: Account, keys: AccountKeys | undefined): void {
  if (!keys?.apiKey && !keys?.webhookSecret) return;
  const { apiKey, webhookSecret, ...token } = { ...accountKeys(keyset, account), ...keys };
  const text = JSON.stringify({ apiKey, webhookSecret, ...token });
  if (JSON.stringify(accountKeys(keyset, account)) === text) return;
  account.providerKeys = keyset.seal(text, sealed.providerKeys(account.id));
  account.webhookSecretHash = webhookSecret ? hashOf(webhookSecret) : null;
}

/** Drops the keys, with the secret by which webhooks find the account. */
export function forgetAccountKeys(account: Account): void {
  account.providerKeys = null;
  account.webhookSecretHash = null;
}

/** The upstream login whose webhooks carry this secret; null when no account has it. System role. */
export async function loginBySecret(em: Em, credentialsId: string, secret: string): Promise<string | null> {
  const [found] = await rows<{ id: string | null }>(
    em,
    sql`select provider_account_id as id from accounts
        where credentials_id = ${credentialsId} and webhook_secret_hash = ${hashOf(secret)} and merged_into is null
        order by provider_account_id nulls last limit 1`,
  );
  return found?.id ?? null;
}

/** A plain hash is enough: the provider drew the secret at random, so it cannot be guessed from it. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
