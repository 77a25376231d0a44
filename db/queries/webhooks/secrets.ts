import { isOneOf } from '../../../platform/constant-time.ts';
import { firstId } from '../../../platform/ids.ts';
import type { Vault } from '../../vault.ts';
import type { Database, Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { ProviderCredentials } from '../../entities/tenants.ts';
import { prepared, recordset, rows, sql } from '../../sql.ts';
import { accountKeys } from '../accounts/account-keys.ts';
import { openLedger } from '../erasures/ledger-key.ts';
import { webhookSecretsOf } from '../tenants/credentials.ts';
import { saveSecretHashes } from './secret-hashes.ts';

export interface WebhookSender {
  credentialsId: string;
  tenantId: string | null;
  provider: string;
  /** The upstream login of the secret, where every account has its own. */
  providerAccountId: string | null;
  /** Null where a stored request is read again. */
  proof: SenderProof | null;
}

/** What a sender was known by: the hash of its secret, or the sealed settings that hold what it signs with. */
type SenderProof = { secretHash: string } | { settings: string };

/** By token, or the documented address that all credentials of a provider share. */
export interface WebhookAddress {
  provider: string;
  token: string | null;
}

/** Null for a wrong secret, `unknown_address` for an unknown token. System role. */
export async function senderBySecret(
  em: Em,
  vault: Vault,
  { provider, token }: WebhookAddress,
  secret: string | null,
): Promise<WebhookSender | null | 'unknown_address'> {
  const hash = (await openLedger(em, vault)).secretHash(secret ?? '');
  const found = await rows<Omit<WebhookSender, 'proof'> & { hash: string | null }>(
    em,
    prepared(senderSql(provider, token, hash)),
  );
  if (token !== null && !found.length) return 'unknown_address';
  const sender = secret === null ? undefined : found.find((one) => one.hash !== null && isOneOf(hash, [one.hash]));
  if (!sender) return null;
  const { credentialsId, tenantId, providerAccountId } = sender;
  return { credentialsId, tenantId, provider, providerAccountId, proof: { secretHash: hash } };
}

/** One boolean: whether what each sender was known by is still right. */
export function proofsHoldSql(senders: readonly WebhookSender[]) {
  const proofs = new Map<string, object>();
  for (const { credentialsId, providerAccountId: login, proof } of senders)
    if (proof) proofs.set(JSON.stringify([credentialsId, proof]), { credentialsId, login, ...proof });
  return sql`
    select coalesce(bool_and(case
        when p.settings is not null then exists (
          select from provider_credentials c where c.id = p."credentialsId" and c.settings = p.settings)
        when p.login is null then exists (
          select from webhook_secret_hashes h where h.credentials_id = p."credentialsId" and h.hash = p."secretHash")
        else exists (
          select from accounts a where a.credentials_id = p."credentialsId" and a.webhook_secret_hash = p."secretHash"
            and a.provider_account_id = p.login and a.merged_into is null) end), true)
    from ${recordset([...proofs.values()], proofRow)} as p`;
}
const proofRow = sql`("credentialsId" uuid, login text, "secretHash" text, settings text)`;

/** A row without a hash means that the address exists. */
export const senderSql = (provider: string, token: string | null, hash: string) =>
  token === null
    ? sql`select c.id as "credentialsId", c.tenant_id as "tenantId", null as "providerAccountId", h.hash
        from webhook_secret_hashes h join provider_credentials c on c.id = h.credentials_id
        where h.hash = ${hash} and c.provider = ${provider}`
    : sql`select c.id as "credentialsId", c.tenant_id as "tenantId", s.name as "providerAccountId", s.hash
        from provider_credentials c left join lateral (
          select null as name, h.hash from webhook_secret_hashes h where h.credentials_id = c.id and h.hash = ${hash}
          union all
          (select a.provider_account_id, a.webhook_secret_hash from accounts a
           where a.credentials_id = c.id and a.webhook_secret_hash = ${hash} and a.merged_into is null
             and a.provider_account_id is not null
           order by a.provider_account_id limit 1)) s on true
        where c.webhook_token = ${token} and c.provider = ${provider}`;

const batch = 500;

/** Hashes secrets from before there were hashes. At the start of each process. */
export async function ensureSecretHashes(db: Database, vault: Vault): Promise<void> {
  for (let found = batch; found === batch;)
    found = await db.system(async (em) => {
      const lacking = await rows<{ id: string }>(
        em,
        sql`select id from provider_credentials c
          where not exists (select from webhook_secret_hashes h where h.credentials_id = c.id) limit ${batch}`,
      );
      const all = await em.find(ProviderCredentials, { id: lacking.map(({ id }) => id) });
      for (const one of all)
        await saveSecretHashes(em, vault, one, webhookSecretsOf(await vault.keysOf(em, one.tenantId), one));
      return lacking.length;
    });
  for (let after: string | null = firstId; after !== null;) {
    const from: string = after;
    after = await db.system((em) => hashAccountSecrets(em, vault, from));
  }
}

/** The first accounts after `after`; answers the last one's id, and null once none is left. */
async function hashAccountSecrets(em: Em, vault: Vault, after: string): Promise<string | null> {
  const ledger = await openLedger(em, vault);
  const lacking = await rows<Pick<Account, 'id' | 'tenantId' | 'providerKeys'>>(
    em,
    sql`select id, tenant_id as "tenantId", provider_keys as "providerKeys" from accounts
      where provider_keys is not null and webhook_secret_hash is null and id > ${after} order by id limit ${batch}`,
  );
  const hashed: { id: string; hash: string }[] = [];
  for (const account of lacking) {
    const secret = accountKeys(await vault.keysOf(em, account.tenantId), account)?.webhookSecret;
    if (secret) hashed.push({ id: account.id, hash: ledger.secretHash(secret) });
  }
  await rows(
    em,
    sql`update accounts a set webhook_secret_hash = h.hash
      from jsonb_to_recordset(${JSON.stringify(hashed)}::jsonb) as h (id uuid, hash text)
      where a.id = h.id and a.webhook_secret_hash is null`,
  );
  return lacking.at(-1)?.id ?? null;
}
