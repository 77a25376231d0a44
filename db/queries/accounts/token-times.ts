import { earliest, tokenTimes } from '../../../domain/token-times.ts';
import { firstId } from '../../../platform/ids.ts';
import type { Database, Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import type { Account } from '../../entities/accounts.ts';
import type { Vault } from '../../vault.ts';
import { accountKeys } from './account-keys.ts';

const batch = 500;

/** Writes the times of keys from before there were any. At the start of each process. */
export async function ensureTokenTimes(db: Database, vault: Vault, now: Date): Promise<void> {
  for (let after: string | null = firstId; after !== null;) {
    const from: string = after;
    after = await db.system((em) => writeTimes(em, vault, from, now));
  }
}

/** Of the first accounts after `after`; answers the last one's id, and null once none is left. */
async function writeTimes(em: Em, vault: Vault, after: string, now: Date): Promise<string | null> {
  const lacking = await rows<Pick<Account, 'id' | 'tenantId' | 'providerKeys'>>(
    em,
    sql`select id, tenant_id as "tenantId", provider_keys as "providerKeys" from accounts
      where provider_keys is not null and keys_version = 0 and id > ${after} order by id limit ${batch}`,
  );
  if (!lacking.length) return null;
  const known = [];
  for (const account of lacking) {
    const keys = accountKeys(await vault.keysOf(em, account.tenantId), account) ?? {};
    const { refreshAt, askAt, expireAt } = tokenTimes(keys, now);
    known.push({ id: account.id, refreshAt, askAt, expireAt, dueAt: earliest(refreshAt, askAt, expireAt) });
  }
  // A login that ended meanwhile has written newer ones.
  await rows(
    em,
    sql`update accounts a set keys_version = 1, keys_refresh_at = t."refreshAt", keys_ask_at = t."askAt",
        keys_expire_at = t."expireAt", keys_due_at = t."dueAt"
      from jsonb_to_recordset(${JSON.stringify(known)}::jsonb)
        as t (id uuid, "refreshAt" timestamptz, "askAt" timestamptz, "expireAt" timestamptz, "dueAt" timestamptz)
      where a.id = t.id and a.keys_version = 0`,
  );
  return lacking.at(-1)?.id ?? null;
}
