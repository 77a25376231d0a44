import type { Em } from '../../db/connect.ts';

/** Rows of a statement with `?` parameters; times come back as text. */
export async function runSql<T>(em: Em, statement: string, params: readonly unknown[] = []): Promise<T[]> {
  return (await em.execute(statement, params as unknown[], 'all')) as T[];
}
