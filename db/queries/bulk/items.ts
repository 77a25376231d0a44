import type { BulkItemState } from '../../../domain/bulk.ts';
import type { Em } from '../../connect.ts';
import type { BulkItem } from '../../entities/bulk.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { andAll } from '../updates/account-conditions.ts';

/** Adds the next accounts that a filter finds, after `after` by id. Returns the last one that was looked at; null at the end. */
export async function addItems(
  em: Em,
  { id, tenantId }: { id: string; tenantId: string },
  conditions: readonly Sql[],
  after: string,
  limit: number,
): Promise<string | null> {
  const [page] = await rows<{ last: string | null; n: number }>(
    em,
    sql`with found as (
          select a.id from accounts a
          where a.tenant_id = ${tenantId} and a.id > ${after}::uuid and a.merged_into is null ${andAll(conditions)}
          order by a.id limit ${limit}),
        added as (
          insert into bulk_items (operation_id, account_id, tenant_id, state, tries)
          select ${id}::uuid, id, ${tenantId}::uuid, 'waiting', 0 from found
          on conflict do nothing)
        select (select id from found order by id desc limit 1) as last, (select count(*)::int from found) as n`,
  );
  return page && page.n === limit ? page.last : null;
}

/** How many accounts were asked and have no outcome yet. */
export async function countAsked(em: Em, operationId: string): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from bulk_items where operation_id = ${operationId} and state = 'asked'`,
  );
  return found?.n ?? 0;
}

/** Accounts that wait for their turn, by id. */
export async function waitingItems(em: Em, operationId: string, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select account_id as id from bulk_items where operation_id = ${operationId} and state = 'waiting'
        order by account_id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** Takes an account whose turn it is: false where another process has it, or it does not wait any more. */
export async function lockWaiting(em: Em, operationId: string, accountId: string): Promise<boolean> {
  const found = await rows(
    em,
    sql`select from bulk_items where operation_id = ${operationId} and account_id = ${accountId} and state = 'waiting'
        for update skip locked`,
  );
  return found.length > 0;
}

/** What a turn came to. */
export interface ItemOutcome {
  state: Exclude<BulkItemState, 'waiting'>;
  reason?: string;
  requestId?: string;
}

/** In the transaction that asks: an account that counts as asked is never asked again. */
export async function noteOutcome(
  em: Em,
  operationId: string,
  accountId: string,
  { state, reason, requestId }: ItemOutcome,
  now: Date,
): Promise<void> {
  await rows(
    em,
    sql`update bulk_items set state = ${state}, reason = ${reason ?? null}, request_id = ${requestId ?? null}::uuid,
          tries = tries + ${state === 'skipped' ? 0 : 1}::int,
          asked_at = case when ${state} = 'skipped' then asked_at else ${now}::timestamptz end,
          ended_at = case when ${state} = 'asked' then null else ${now}::timestamptz end
        where operation_id = ${operationId} and account_id = ${accountId}`,
  );
}

/** How many accounts came to their end. */
export interface Settled {
  done: number;
  failed: number;
}

/** Takes over how attempts ended that were asked for; one that is gone went with its account. */
export const settleAttempts = (em: Em, operationId: string, isPurge: boolean, now: Date): Promise<Settled> =>
  settle(
    em,
    operationId,
    sql`select i.account_id, t.state, coalesce(t.reason, t.state) as reason
        from bulk_items i left join connection_attempts t on t.id = i.request_id
        where i.operation_id = ${operationId} and i.state = 'asked' and t.state is distinct from 'running'`,
    isPurge,
    now,
  );

/** The same for syncs. */
export const settleSyncs = (em: Em, operationId: string, now: Date): Promise<Settled> =>
  settle(
    em,
    operationId,
    sql`select i.account_id, r.state, coalesce(r.reason, r.state) as reason
        from bulk_items i left join sync_runs r on r.id = i.request_id
        where i.operation_id = ${operationId} and i.state = 'asked' and r.state is distinct from 'running'`,
    false,
    now,
  );

async function settle(em: Em, operationId: string, ended: Sql, isGoneDone: boolean, now: Date): Promise<Settled> {
  const settled = await rows<{ state: 'done' | 'failed' }>(
    em,
    sql`with ended as (${ended})
        update bulk_items i set ended_at = ${now},
          state = case when e.state = 'succeeded' or (e.state is null and ${isGoneDone}) then 'done' else 'failed' end,
          reason = case when e.state = 'succeeded' or (e.state is null and ${isGoneDone}) then null
            else coalesce(e.reason, 'account_removed') end
        from ended e where i.operation_id = ${operationId} and i.account_id = e.account_id and i.state = 'asked'
        returning i.state`,
  );
  const done = settled.filter(({ state }) => state === 'done').length;
  return { done, failed: settled.length - done };
}

/** Has failed accounts wait for another turn; of one reason, or all. Returns how many. */
export async function retryItems(em: Em, operationId: string, reason: string | undefined): Promise<number> {
  const again = await rows(
    em,
    sql`update bulk_items set state = 'waiting', reason = null, request_id = null, ended_at = null
        where operation_id = ${operationId} and state = 'failed'
          ${reason === undefined ? sql`` : sql`and reason = ${reason}`} returning account_id`,
  );
  return again.length;
}

/** Accounts of an operation by id, after one of them. */
export const listItems = (
  em: Em,
  operationId: string,
  { state, reason }: { state?: BulkItemState | undefined; reason?: string | undefined },
  after: string,
  limit: number,
): Promise<
  (Pick<BulkItem, 'accountId' | 'state' | 'reason' | 'requestId' | 'tries'> & {
    id: string;
    askedAt: string | null;
    endedAt: string | null;
  })[]
> =>
  rows(
    em,
    sql`select account_id as id, account_id as "accountId", state, reason, request_id as "requestId", tries,
          to_jsonb(asked_at)#>>'{}' as "askedAt", to_jsonb(ended_at)#>>'{}' as "endedAt"
        from bulk_items where operation_id = ${operationId} and account_id > ${after}::uuid
          ${state === undefined ? sql`` : sql`and state = ${state}`}
          ${reason === undefined ? sql`` : sql`and reason = ${reason}`}
        order by account_id limit ${limit}`,
  );
