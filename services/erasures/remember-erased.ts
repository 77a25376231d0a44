import { digestsOf, addToLedger } from '../../db/queries/erasures/ledger.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { runningErasure, setTarget, type ErasureRef } from '../../db/queries/erasures/erasures.ts';
import { aliasPage, findPerson, type AliasRow } from '../../db/queries/erasures/find-person.ts';
import type { Subject } from '../../domain/erasure.ts';
import { timeOf, type Context } from '../context.ts';

export type ErasingRef = ErasureRef & { now: number };

/** Aliases that are read at once where a person is looked for by digest. */
const pageSize = 5_000;

/**
 * Finds out by which names the tenant knows the person and writes them into the ledger, before anything is taken away:
 * from then on no sync and no event stores the person again. Returns how many names there are.
 */
export async function rememberErased(context: Context, ref: ErasingRef): Promise<{ names: number }> {
  const { db, vault } = context;
  const { tenantId, erasureId } = ref;
  const running = await db.tenant(tenantId, (em) => runningErasure(em, vault, erasureId));
  if (!running) return { names: 0 };
  const found = running.fromLedger ? await subjectsOfDigests(context, ref) : [];
  return db.tenant(tenantId, async (em) => {
    const now = await runningErasure(em, vault, erasureId, true);
    if (!now) return { names: 0 };
    const { subjects, contactIds } = now.person;
    const person = await findPerson(em, { subjects: [...subjects, ...found], contactIds });
    const ledger = await openLedger(em, vault);
    const digests = person.subjects.map((one) => ledger.digest(tenantId, one));
    await addToLedger(em, { id: erasureId, tenantId }, digests, timeOf(context, ref));
    await setTarget(em, vault, ref, person);
    return { names: person.subjects.length };
  });
}

/** After a restore the ledger knows more: the contacts with an alias whose digest it holds. */
async function subjectsOfDigests({ db, vault }: Context, { tenantId, erasureId }: ErasureRef): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const wanted = await db.tenant(tenantId, (em) => digestsOf(em, erasureId));
  for (let after: AliasRow | undefined, more = true; more;) {
    const page: AliasRow[] = await db.tenant(tenantId, async (em) => {
      const read = await aliasPage(em, after, pageSize);
      const ledger = await openLedger(em, vault);
      for (const { kind, value } of read)
        if (wanted.has(ledger.digest(tenantId, { kind, value }))) subjects.push({ kind, value });
      return read;
    });
    after = page.at(-1);
    more = page.length === pageSize;
  }
  return subjects;
}
