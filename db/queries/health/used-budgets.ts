import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What an account has used of its budgets. */
export interface UsedBudgets {
  /** Messages handed over within the last minute, hour and day. */
  minute: number;
  hour: number;
  day: number;
  lastAt: Date | null;
  /** Logins that began within the attempt budget's time. */
  attempts: number;
}

export async function usedBudgets(em: Em, accountId: string, now: Date, attemptsSince: Date): Promise<UsedBudgets> {
  const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1_000);
  const [found] = await rows<Omit<UsedBudgets, 'lastAt'> & { lastAt: string | null }>(
    em,
    sql`select count(*) filter (where at > ${ago(60)})::int as minute,
          count(*) filter (where at > ${ago(3_600)})::int as hour, count(*)::int as day, max(at)::text as "lastAt",
          (select count(*)::int from connection_attempts
           where account_id = ${accountId}::uuid and operation <> 'disconnect' and started_at > ${attemptsSince}) as attempts
        from send_calls where account_id = ${accountId}::uuid and at > ${ago(86_400)}`,
  );
  const { minute = 0, hour = 0, day = 0, lastAt = null, attempts = 0 } = found ?? {};
  return { minute, hour, day, lastAt: lastAt === null ? null : new Date(lastAt), attempts };
}
