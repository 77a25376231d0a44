import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The empty name stands for events without a known tenant. */
export const fenceKeySql = (tenant: ReturnType<typeof sql>) => sql`hashtextextended('webhooks/' || ${tenant}, 0)`;

/**
 * For writers of events, in a statement before the one that reads the erasure ledger: a statement sees the database as
 * of its start, so only a later one surely sees the ledger of an erasure that passed the fence.
 */
export async function enterIntake(em: Em, tenantId: string | null): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock_shared(${fenceKeySql(sql`${tenantId ?? ''}::text`)})::text`);
}

/**
 * For an erasure with a committed ledger: waits for all transactions that entered before and may not have seen it.
 * Later ones see it. Use a transaction of its own, which leaves the fence at once.
 */
export async function awaitIntake(em: Em, tenantId: string | null): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(${fenceKeySql(sql`${tenantId ?? ''}::text`)})::text`);
}
