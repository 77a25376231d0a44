import type { ErasureCounts, Subject } from '../../../domain/erasure.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { sealed } from '../../sealed.ts';
import type { Person } from './find-person.ts';

export interface ErasureRef {
  tenantId: string;
  erasureId: string;
}

/** An id that exists is the same request once more. */
export async function openErasure(
  em: Em,
  vault: Vault,
  { tenantId, erasureId }: ErasureRef,
  person: Person,
  now: Date,
): Promise<void> {
  const target = sealTarget(await vault.keysOf(em, tenantId), erasureId, person);
  await rows(
    em,
    sql`insert into erasures (id, tenant_id, state, target, requested_at) values (${erasureId}, ${tenantId}, 'running', ${target}, ${now})
     on conflict (id) do nothing`,
  );
}

/** Null once it has ended. `fromLedger`: a restored ledger's digests name more people. */
export async function runningErasure(
  em: Em,
  vault: Vault,
  erasureId: string,
  lock = false,
): Promise<{ person: Person; fromLedger: boolean } | null> {
  const [row] = await rows<{ tenant_id: string; target: string | null; from_ledger: boolean }>(
    em,
    sql`select tenant_id, target, from_ledger from erasures where id = ${erasureId} and state = 'running' ${lock ? sql`for no key update` : sql``}`,
  );
  if (!row) return null;
  const keys = await vault.keysOf(em, row.tenant_id);
  const person =
    row.target === null
      ? { subjects: [], contactIds: [] }
      : (JSON.parse(keys.open(row.target, sealed.erasureTarget(erasureId))) as Person);
  return { person, fromLedger: row.from_ledger };
}

export async function setTarget(
  em: Em,
  vault: Vault,
  { tenantId, erasureId }: ErasureRef,
  person: Person,
): Promise<void> {
  const target = sealTarget(await vault.keysOf(em, tenantId), erasureId, person);
  await rows(em, sql`update erasures set target = ${target} where id = ${erasureId}`);
}

const sealTarget = (keys: Keyset, erasureId: string, person: Person): string =>
  keys.seal(JSON.stringify(person), sealed.erasureTarget(erasureId));

/** In the transaction that deletes the data: repeats never count twice. */
export async function addCounts(em: Em, erasureId: string, counts: Partial<ErasureCounts>): Promise<void> {
  const given = Object.entries(counts).filter(([, count]) => count > 0);
  if (!given.length) return;
  await rows(
    em,
    sql`update erasures set counts = counts || (
       select jsonb_object_agg(key, coalesce((counts->>key)::bigint, 0) + value::bigint)
       from jsonb_each_text(${JSON.stringify(Object.fromEntries(given))}::jsonb)) where id = ${erasureId}`,
  );
}

/** What the erasure has taken so far; nothing of what it did not find. */
export async function countsOf(em: Em, erasureId: string): Promise<Partial<ErasureCounts>> {
  const [row] = await rows<{ counts: Partial<ErasureCounts> }>(
    em,
    sql`select counts from erasures where id = ${erasureId}`,
  );
  return row?.counts ?? {};
}

/** Repeats an erasure for names that were not known to it. */
export async function reopenErasure(
  em: Em,
  vault: Vault,
  { tenantId, erasureId }: ErasureRef,
  names: readonly Subject[],
): Promise<void> {
  const running = await runningErasure(em, vault, erasureId, true);
  const { subjects, contactIds } = running?.person ?? { subjects: [], contactIds: [] };
  const all = new Map([...subjects, ...names].map(({ kind, value }) => [`${kind}:${value}`, { kind, value }]));
  await rows(em, sql`update erasures set state = 'running' where id = ${erasureId} and state = 'done'`);
  await setTarget(em, vault, { tenantId, erasureId }, { subjects: [...all.values()], contactIds });
}

/** Forgets the person, and that a restored ledger requested the erasure. */
export async function closeErasure(em: Em, erasureId: string, at: Date): Promise<void> {
  await rows(
    em,
    sql`update erasures set state = 'done', target = null, from_ledger = false, erased_at = ${at}
     where id = ${erasureId} and state = 'running'`,
  );
}

/** Lets the person come back: deletes their ledger lines. */
export async function liftErasure(em: Em, erasureId: string, at: Date): Promise<void> {
  await rows(em, sql`delete from erased_subjects where erasure_id = ${erasureId}`);
  await rows(
    em,
    sql`update erasures set state = 'lifted', lifted_at = ${at} where id = ${erasureId} and state = 'done'`,
  );
}
