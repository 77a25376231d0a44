import type { Em } from './connect.ts';
import { rows, sql } from './sql.ts';

/** `matches`: by an index of words, labels or parts of words, whatever it costs by PostgreSQL's guess. `order`: in the order of an index. */
const plans = {
  matches: { enable_seqscan: 'off', enable_indexscan: 'off', enable_indexonlyscan: 'off' },
  order: { enable_seqscan: 'off', enable_bitmapscan: 'off' },
  any: { enable_seqscan: 'off' },
} as const;

/**
 * Finds ids by operators of search (`@@`, `like`, `@>`). Under a policy of row-level security PostgreSQL uses no index for
 * them, because they could tell of rows that the policy hides. The statements run as the system's role: each of them must
 * name the tenant, and what is shown is read under the policy afterwards.
 */
export async function byIndex<T>(em: Em, plan: keyof typeof plans, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(plans[plan]);
  const [before] = await rows<{ role: string }>(
    em,
    sql`select current_setting('role') as role, ${setAll({ role: 'patchbay_system', ...plans[plan] })}`,
  );
  // An error ends the transaction, and its settings with it.
  const found = await work();
  await rows(
    em,
    sql`select ${setAll({ role: before?.role ?? '', ...Object.fromEntries(names.map((name) => [name, 'on'])) })}`,
  );
  return found;
}

const setAll = (settings: Readonly<Record<string, string>>) =>
  sql.join(Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`));
