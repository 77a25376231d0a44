import { loginsCountForMs } from '../../../domain/login-limits.ts';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

const since = (now: Date): Date => new Date(now.getTime() - loginsCountForMs);

/** When the logins of an account began that count for its limits, over all callers. */
export async function loginTimes(em: Em, accountId: string, now: Date): Promise<Date[]> {
  const found = await rows<{ at: string }>(
    em,
    sql`select started_at::text as at from connection_attempts
        where account_id = ${accountId} and operation <> 'disconnect' and started_at > ${since(now)}`,
  );
  return found.map(({ at }) => new Date(at));
}

/** When an account was restarted without its owner, as far as that counts for its limits. */
export async function restartTimes(em: Em, accountId: string, now: Date): Promise<Date[]> {
  const found = await rows<{ at: string }>(
    em,
    sql`select at::text from login_restarts where account_id = ${accountId} and at > ${since(now)}`,
  );
  return found.map(({ at }) => new Date(at));
}

/** Counts a restart, and forgets those that count no more. */
export async function countRestart(em: Em, account: { id: string; tenantId: string }, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into login_restarts (id, tenant_id, account_id, at)
        values (${newId()}, ${account.tenantId}, ${account.id}, ${now})`,
  );
  await rows(em, sql`delete from login_restarts where account_id = ${account.id} and at <= ${since(now)}`);
}
