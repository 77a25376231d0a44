import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { subjectName, type People } from '../../../domain/erasure.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { openLedger } from '../erasures/ledger-key.ts';
import type { DigestedSubject, notKept, TenantSubject } from './insert-request.ts';
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

/** Once a request's tenant is known; returns why the body was dropped. The fence was entered before. System role. */
export async function renoteSubjects(
  em: Em,
  vault: Vault,
  request: RequestRef,
  tenantId: string | null,
  people: People,
): Promise<keyof typeof notKept | null> {
  if (people === 'too_many') {
    await dropBodies(em, [request], 'tooMany');
    return 'tooMany';
  }
  const digested = await digestSubjects(
    em,
    vault,
    people.map((subject) => ({ tenantId, subject })),
  );
  await rows(
    em,
    sql`delete from webhook_subjects where request_id = ${request.id}
      and received_at = ${request.receivedAt}::timestamptz and (tenant_id is null or tenant_id = ${tenantId})`,
  );
  if (!digested.length) return null;
  const [found] = await rows<{ erased: boolean }>(
    em,
    sql`with people as (
        select * from jsonb_to_recordset(${JSON.stringify(digested)}::jsonb) as p ("tenantId" uuid, digest text)),
      erased as materialized (
        select exists (
          select from people p join erased_subjects l on l.tenant_id = p."tenantId" and l.digest = p.digest) as yes),
      noted as (
        insert into webhook_subjects (request_id, digest, tenant_id, received_at)
        select ${request.id}::uuid, p.digest, p."tenantId", ${request.receivedAt}::timestamptz from people p, erased
        where not yes)
      select yes as erased from erased`,
  );
  if (!found?.erased) return null;
  await dropBodies(em, [request], 'erased');
  return 'erased';
}
