import { randomBytes } from 'node:crypto';
import { newId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A request for deletion by the keyed hashes of what it names. */
export interface NewUserRequest {
  tenantId: string | null;
  credentialsId: string;
  provider: string;
  groupHash: string;
  dedupeHash: string;
}

/** The accounts of a group under these credentials; those that are disconnected may still have data. */
const ofGroup = (credentialsId: string, group: string) => sql`
  select id, tenant_id from accounts where provider_groups @> array[${group}] and provider_groups <> '{}'
    and credentials_id = ${credentialsId} and merged_into is null`;

/** The code of the same request, or of one of the same group that is not done; null where there is none. System role. */
export async function codeOfRequest(em: Em, given: NewUserRequest): Promise<string | null> {
  const [found] = await rows<{ code: string }>(
    em,
    sql`select code from user_requests
      where credentials_id = ${given.credentialsId}
        and (dedupe_hash = ${given.dedupeHash} or (group_hash = ${given.groupHash} and done_at is null))
      order by id limit 1`,
  );
  return found?.code ?? null;
}

/** A request that was stored, with the tenants whose accounts it is about. */
export interface StoredRequest {
  id: string;
  code: string;
  tenantIds: string[];
}

/** Stores a request with a part for each account of the group; null where another transaction stored it. System role. */
export async function insertRequest(
  em: Em,
  given: NewUserRequest,
  group: string,
  now: Date,
): Promise<StoredRequest | null> {
  const [id, code] = [newId(), randomBytes(24).toString('base64url')];
  const made = await rows(
    em,
    sql`insert into user_requests (id, tenant_id, credentials_id, provider, code, group_hash, dedupe_hash, requested_at)
      values (${id}, ${given.tenantId}, ${given.credentialsId}, ${given.provider}, ${code}, ${given.groupHash},
        ${given.dedupeHash}, ${now})
      on conflict (credentials_id, dedupe_hash) do nothing returning id`,
  );
  if (!made.length) return null;
  const tenants = await rows<{ tenant_id: string }>(
    em,
    sql`with parts as (
        insert into user_request_parts (id, request_id, tenant_id, account_id)
        select gen_random_uuid(), ${id}, a.tenant_id, a.id from (${ofGroup(given.credentialsId, group)}) a
        returning tenant_id)
      select distinct tenant_id from parts`,
  );
  const all = [...tenants.map((one) => one.tenant_id), ...(given.tenantId ? [given.tenantId] : [])];
  return { id, code, tenantIds: [...new Set(all)] };
}

/** Adds the erasure of the user in a tenant to a request. */
export async function addErasure(em: Em, requestId: string, tenantId: string, erasureId: string): Promise<void> {
  await rows(
    em,
    sql`insert into user_request_parts (id, request_id, tenant_id) values (${erasureId}, ${requestId}, ${tenantId})`,
  );
}

/** Whether what a part stands for is done: a disconnection that failed has purged the account here all the same. */
const isDone = sql`(p.done_at is not null
  or p.account_id is not null and exists (
    select from connection_attempts t where t.id = p.attempt_id and t.state in ('succeeded', 'failed'))
  or p.account_id is null and exists (select from erasures e where e.id = p.id and e.state <> 'running'))`;

/** What the page of a request shows. */
export interface ShownRequest {
  requestedAt: Date;
  doneAt: Date | null;
  isDone: boolean;
}

/** By its code; null where there is none. System role. */
export async function requestByCode(em: Em, provider: string, code: string): Promise<ShownRequest | null> {
  const [found] = await rows<{ requested_at: string; done_at: string | null; is_done: boolean }>(
    em,
    sql`select r.requested_at, r.done_at, r.done_at is not null or not exists (
        select from user_request_parts p where p.request_id = r.id and not ${isDone}) as is_done
      from user_requests r where r.code = ${code} and r.provider = ${provider}`,
  );
  if (!found) return null;
  const doneAt = found.done_at === null ? null : new Date(found.done_at);
  return { requestedAt: new Date(found.requested_at), doneAt, isDone: found.is_done };
}

/** An account that a request is about, and that nothing disconnects yet. */
export interface OpenPart {
  id: string;
  tenant_id: string;
  account_id: string;
}

/** Such parts of one request, or of all, after an id: also those whose attempt was superseded. System role. */
export const openParts = (
  em: Em,
  of: { requestId: string } | { before: Date },
  after: string,
  limit: number,
): Promise<OpenPart[]> =>
  rows<OpenPart>(
    em,
    sql`select p.id, p.tenant_id, p.account_id from user_request_parts p
      where p.done_at is null and p.account_id is not null and p.id > ${after}::uuid
        and ${
          'requestId' in of
            ? sql`p.request_id = ${of.requestId}`
            : sql`exists (select from user_requests r where r.id = p.request_id and r.requested_at < ${of.before})`
        }
        and not exists (select from connection_attempts t where t.id = p.attempt_id and t.state <> 'cancelled')
      order by p.id limit ${limit}`,
  );

/** Notes the attempt that disconnects a part's account; null: there is nothing left to disconnect. */
export async function notePart(em: Em, id: string, attemptId: string | null, now: Date): Promise<void> {
  await rows(
    em,
    sql`update user_request_parts set attempt_id = ${attemptId},
        done_at = ${attemptId === null ? now : null}::timestamptz where id = ${id}`,
  );
}

/** Parts that one transaction settles at most. */
const batch = 1_000;

/** Settles parts that are done, and requests without any other; these go after `shownMs`. System role. */
export async function settleRequests(em: Em, now: Date, shownMs: number): Promise<void> {
  await rows(
    em,
    sql`update user_request_parts set done_at = ${now} where id in (
        select p.id from user_request_parts p where p.done_at is null and ${isDone} limit ${batch})`,
  );
  await rows(
    em,
    sql`update user_requests set done_at = ${now}, expires_at = ${new Date(now.getTime() + shownMs)} where id in (
        select r.id from user_requests r where r.done_at is null and not exists (
          select from user_request_parts p where p.request_id = r.id and p.done_at is null) limit ${batch})`,
  );
}
