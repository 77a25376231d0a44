import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** SQL for the key of a tenant's fence; of events whose tenant is not known, that of an empty name. */
export const fenceKeySql = (tenant: ReturnType<typeof sql>) => sql`hashtextextended('webhooks/' || ${tenant}, 0)`;

/**
 * The side of those who store events. Taken in a statement before the one that reads the erasure ledger: a statement reads
 * the database as it was when the statement began, so only a later one is sure to see what an erasure wrote before its
 * own side of the fence.
 */
export async function enterIntake(em: Em, tenantId: string | null): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock_shared(${fenceKeySql(sql`${tenantId ?? ''}::text`)})::text`);
}

/**
 * The side of an erasure, once its ledger is committed: waits for every transaction that entered before and may not have
 * seen the ledger. Those that enter later see it. In a transaction of its own, which lets go of the fence at once.
 */
export async function awaitIntake(em: Em, tenantId: string | null): Promise<void> {
  await rows(em, sql`select pg_advisory_xact_lock(${fenceKeySql(sql`${tenantId ?? ''}::text`)})::text`);
}
