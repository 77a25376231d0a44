import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Vault } from '../../db/vault.ts';
import { rows, type Database } from '../../db/connect.ts';
import { ledgerLines, takeInLedger, type TakenIn } from './ledger-file.ts';

/** Takes in what the file of `ERASURE_LEDGER` holds; null where there is none yet. */
export async function takeInKeptLedger(db: Database, vault: Vault, path: string, now: Date): Promise<TakenIn | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : takeInLedger(db, vault, text, now);
}

/** How many people a restored database still holds whom the ledger says to be erased. */
export async function erasuresToRepeat(db: Database): Promise<number> {
  const [row] = await db.system((em) =>
    rows<{ n: number }>(em, "select count(*)::int as n from erasures where state = 'running' and from_ledger"),
  );
  return row?.n ?? 0;
}

/**
 * Writes the ledger to a file of this host when the ledger, or the wrapping of its key, has changed since the last call;
 * the file is replaced as a whole.
 */
export function keepLedger(db: Database, path: string): () => Promise<void> {
  let written = '';
  return async () => {
    const [state] = await db.system((em) =>
      rows<{ mark: string }>(
        em,
        `select count(*) || '/' || coalesce(max(erased_at)::text, '') || '/' || coalesce(max(erasure_id::text), '')
           || '/' || (select coalesce(max(value), '') from ledger_keys where tenant_id is null) as mark
         from erased_subjects`,
      ),
    );
    const mark = state?.mark ?? '';
    if (mark === written) return;
    const lines: string[] = [];
    for await (const line of ledgerLines(db)) lines.push(line);
    const unfinished = `${path}.${process.pid}`;
    await writeFile(unfinished, `${lines.join('\n')}\n`, { mode: 0o600 });
    await rename(unfinished, path);
    written = mark;
  };
}
