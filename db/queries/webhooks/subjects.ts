import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { subjectName, type People } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';
import { openLedger } from '../erasures/ledger-key.ts';
import type { DigestedSubject, notKept, TenantSubject } from './insert-requests.ts';
import { dropBodies, type RequestRef } from './requests.ts';

// Lets other requests run between the batches.
const atOnce = 500;

export async function digestSubjects(
  em: Em,
  vault: Vault,
  people: readonly TenantSubject[],
): Promise<DigestedSubject[]> {
  if (!people.length) return [];
  const ledger = await openLedger(em, vault);
  const named = new Map(people.map((one) => [`${one.tenantId ?? ''} ${subjectName(one.subject)}`, one]));
  const digested: DigestedSubject[] = [];
  for (const { tenantId, subject } of named.values()) {
    if (digested.length % atOnce === atOnce - 1) await yieldToEventLoop();
    digested.push({ tenantId, digest: ledger.digest(tenantId, subject) });
  }
  return digested;
}

/** A request with the people it speaks of. */
export interface RenotedRequest {
  request: RequestRef;
  people: People;
}

/**
 * Rewrites the subjects of requests whose tenant is known only now. Drops the bodies about an erased person or too many
 * people, and returns why, by the request's id. The caller entered the tenant's fence in an earlier
 * statement. System role.
 */
export async function renoteSubjects(
  em: Em,
  vault: Vault,
  tenantId: string | null,
  renoted: readonly RenotedRequest[],
): Promise<Map<string, keyof typeof notKept>> {
  const tooMany = renoted.flatMap(({ request, people }) => (people === 'too_many' ? [request] : []));
  await dropBodies(em, tooMany, 'tooMany');
  const noted: (RequestRef & { digest: string; tenantId: string | null })[] = [];
  for (const { request, people } of renoted) {
    if (people === 'too_many') continue;
    const digested = await digestSubjects(
      em,
      vault,
      people.map((subject) => ({ tenantId, subject })),
    );
    for (const one of digested) noted.push({ id: request.id, receivedAt: request.receivedAt, ...one });
  }
  const kept = renoted.flatMap(({ request, people }) => (people === 'too_many' ? [] : [request]));
  await rows(
    em,
    sql`delete from webhook_subjects s
      using ${recordset(kept, sql`(id uuid, "receivedAt" timestamptz)`)} as r
      where s.request_id = r.id and s.received_at = r."receivedAt" and (s.tenant_id is null or s.tenant_id = ${tenantId})`,
  );
  const erased = await rows<RequestRef>(
    em,
    sql`with people as (
        select * from ${recordset(noted, sql`(id uuid, "receivedAt" timestamptz, "tenantId" uuid, digest text)`)} as p),
      erased as materialized (
        select distinct p.id, p."receivedAt" from people p
        join erased_subjects l on l.tenant_id = p."tenantId" and l.digest = p.digest),
      noted as (
        insert into webhook_subjects (request_id, digest, tenant_id, received_at)
        select p.id, p.digest, p."tenantId", p."receivedAt" from people p
        where not exists (select from erased e where e.id = p.id))
      select id, to_jsonb("receivedAt")#>>'{}' as "receivedAt" from erased`,
  );
  await dropBodies(em, erased, 'erased');
  return new Map<string, keyof typeof notKept>([
    ...tooMany.map(({ id }) => [id, 'tooMany'] as const),
    ...erased.map(({ id }) => [id, 'erased'] as const),
  ]);
}
