import { z } from 'zod';
import type { Vault } from '../../db/vault.ts';
import type { Database } from '../../db/connect.ts';
import { ledgerLinesAfter, takeInErasure, tenantIds, type LedgerLine } from '../../db/queries/erasures/kept-ledger.ts';
import { addLedgerKey, ledgerOf, wrappedLedgerKey } from '../../db/queries/erasures/ledger-key.ts';
import type { ErasureRef } from '../../db/queries/erasures/erasures.ts';

/** Lines that are read or written at once. */
const pageSize = 1_000;

const header = z.object({ patchbay_ledger: z.literal(1), key: z.object({ id: z.uuid(), value: z.string() }) });
const line = z.object({
  tenant_id: z.uuid(),
  erasure_id: z.uuid(),
  digest: z.string().regex(/^[\w-]{22}$/),
  erased_at: z.iso.datetime({ offset: true }),
});

/**
 * The ledger of all tenants as JSON lines, for a place apart from the database's dumps: first its key, wrapped by a master key, then one
 * line for each digest. It holds no name and no number.
 */
export async function* ledgerLines(db: Database): AsyncGenerator<string> {
  const key = await db.system(wrappedLedgerKey);
  if (!key) return;
  yield JSON.stringify({ patchbay_ledger: 1, key });
  for (let after: LedgerLine | undefined, more = true; more;) {
    const page: LedgerLine[] = await db.system((em) => ledgerLinesAfter(em, after, pageSize));
    for (const one of page) yield JSON.stringify(one);
    after = page.at(-1);
    more = page.length === pageSize;
  }
}

export interface TakenIn {
  /** Lines of tenants that the database has, known before or not. */
  digests: number;
  /** Erasures that the database did not know, had not ended, or not all names of: what it holds is still to be erased. */
  due: ErasureRef[];
  /** Lines of tenants that the database does not have. */
  foreign: number;
}

/**
 * Takes the ledger's lines into a database that was restored from an older dump. Erasures that it does not know, that
 * were under way, or of which it lacks a digest (a name that was learned since the dump), begin anew, by digest. A file
 * that is older than the database takes nothing from later erasures, and undoes no lifting. Throws one clear line where
 * the file is no ledger or another installation's.
 */
export async function takeInLedger(db: Database, vault: Vault, text: string, now: Date): Promise<TakenIn> {
  const [first, ...rest] = text.split('\n').filter((one) => one.trim() !== '');
  const { key } = parsed(header, first ?? '', 1);
  const lines = rest.map((one, n) => parsed(line, one, n + 2));
  const theirs = ledgerOf(vault, key).fingerprint;
  return db.system(async (em) => {
    const own = await wrappedLedgerKey(em);
    if (!own) await addLedgerKey(em, key, now);
    else if (ledgerOf(vault, own).fingerprint !== theirs)
      throw new Error('This ledger was made by another installation: its digests tell nothing here.');
    const tenants = await tenantIds(em);
    const taken: TakenIn = { digests: 0, due: [], foreign: 0 };
    for (const [erasureId, ofErasure] of byErasure(lines)) {
      const [{ tenant_id: tenantId, erased_at: erasedAt }] = ofErasure;
      if (!tenants.has(tenantId)) {
        taken.foreign += ofErasure.length;
        continue;
      }
      const digests = ofErasure.map(({ digest }) => digest);
      if (await takeInErasure(em, { tenantId, erasureId }, digests, erasedAt)) taken.due.push({ tenantId, erasureId });
      taken.digests += digests.length;
    }
    return taken;
  });
}

function byErasure(lines: readonly LedgerLine[]): Map<string, [LedgerLine, ...LedgerLine[]]> {
  const found = new Map<string, [LedgerLine, ...LedgerLine[]]>();
  for (const one of lines) {
    const known = found.get(one.erasure_id);
    if (known) known.push(one);
    else found.set(one.erasure_id, [one]);
  }
  return found;
}

function parsed<T>(schema: z.ZodType<T>, text: string, number: number): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error(`Line ${number} is not one of a ledger: patchbay erasures export makes them.`);
  }
}
