import { callsCountForMs, windowsOf, type SendLimits } from '../../../domain/send-limits.ts';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** When the limits let the account send next; null: now. The caller holds the lock of its queue. */
export async function sendableAt(em: Em, accountId: string, limits: SendLimits, now: Date): Promise<Date | null> {
  let next: Date | null = null;
  for (const { most, ms } of windowsOf(limits)) {
    if (most === 0) return new Date(now.getTime() + ms);
    // The call that must have left the window.
    const [call] = await rows<{ at: string }>(
      em,
      sql`select at::text from send_calls where account_id = ${accountId} order by at desc offset ${most - 1} limit 1`,
    );
    const free = call ? new Date(new Date(call.at).getTime() + ms) : null;
    if (free && free > now && (!next || free > next)) next = free;
  }
  return next;
}

/** Messages handed over within the last minute, hour and day. */
export interface UsedSends {
  minute: number;
  hour: number;
  day: number;
}

export async function usedSends(em: Em, accountId: string, now: Date): Promise<UsedSends> {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const [used] = await rows<UsedSends>(
    em,
    sql`select count(*) filter (where at > ${ago(60_000)})::int as minute,
          count(*) filter (where at > ${ago(3_600_000)})::int as hour, count(*)::int as day
        from send_calls where account_id = ${accountId} and at > ${ago(callsCountForMs)}`,
  );
  return used ?? { minute: 0, hour: 0, day: 0 };
}

/** Counts a call, and forgets those that count no more. */
export async function countCall(em: Em, account: { id: string; tenantId: string }, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into send_calls (id, tenant_id, account_id, at)
        values (${newId()}, ${account.tenantId}, ${account.id}, ${now})`,
  );
  const before = new Date(now.getTime() - callsCountForMs);
  await rows(em, sql`delete from send_calls where account_id = ${account.id} and at < ${before}`);
}
