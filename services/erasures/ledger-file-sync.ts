import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Vault } from '../../db/vault.ts';
import type { Database } from '../../db/connect.ts';
import { erasuresFromLedger, ledgerMark } from '../../db/queries/erasures/kept-ledger.ts';
import { ledgerLines, takeInLedger, type TakenIn } from './ledger-file.ts';

/** Takes in what the file of `ERASURE_LEDGER` holds; null where there is none yet. */
export async function takeInKeptLedger(db: Database, vault: Vault, path: string, now: Date): Promise<TakenIn | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : takeInLedger(db, vault, text, now);
}

/** The number of people in a restored database that are erased by the ledger. */
export const erasuresToRepeat = (db: Database): Promise<number> => db.system(erasuresFromLedger);

/**
 * Writes the ledger to a file of this host when the ledger, or the wrapping of its key, has changed since the last call;
 * the file is replaced as a whole.
 */
export function keepLedger(db: Database, path: string): () => Promise<void> {
  let written = '';
  return async () => {
    const mark = await db.system(ledgerMark);
    if (mark === written) return;
    const lines: string[] = [];
    for await (const line of ledgerLines(db)) lines.push(line);
    const unfinished = `${path}.${process.pid}`;
    await writeFile(unfinished, `${lines.join('\n')}\n`, { mode: 0o600 });
    await rename(unfinished, path);
    written = mark;
  };
}
