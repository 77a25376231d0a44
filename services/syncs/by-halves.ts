import type { Em } from '../../db/connect.ts';

/** Whether PostgreSQL could not take a value (SQLSTATE 22, 23, 54); other errors are not the entry's. */
function isOfEntry(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : null;
  return typeof code === 'string' && /^(22|23|54)/.test(code);
}

/**
 * Writes entries together; where one cannot be stored, by halves until it is alone: it is left out, and `failed` is called
 * with the error. Returns what the writes answered.
 */
export async function byHalves<Entry, Written>(
  em: Em,
  entries: readonly Entry[],
  write: (em: Em, some: readonly Entry[]) => Promise<Written>,
  failed: (error: unknown) => void,
): Promise<Written[]> {
  try {
    return [await em.transactional((inner) => write(inner, entries))];
  } catch (error) {
    if (!isOfEntry(error)) throw error;
    if (entries.length === 1) {
      failed(error);
      return [];
    }
    const middle = Math.ceil(entries.length / 2);
    const first = await byHalves(em, entries.slice(0, middle), write, failed);
    return [...first, ...(await byHalves(em, entries.slice(middle), write, failed))];
  }
}
