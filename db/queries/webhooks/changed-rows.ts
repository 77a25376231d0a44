import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** A row that a transaction wrote. */
export interface ChangedRow {
  table: string;
  id: string;
  row: Record<string, unknown>;
}

/** The tables that an event may change, with what of a row is shown: no secrets, and nothing that is sealed. */
const shown: Readonly<Record<string, Sql>> = {
  accounts: sql`jsonb_build_object('state', t.state, 'reason', t.reason, 'check_requested_at', t.check_requested_at)`,
  webhook_events: sql`to_jsonb(t)`,
  conversations: sql`to_jsonb(t)`,
  attendees: sql`to_jsonb(t)`,
  messages: sql`to_jsonb(t)`,
  contacts: sql`to_jsonb(t) - 'raw_wasender_data'`,
  attachments: sql`to_jsonb(t) - 'source'`,
};

const accountColumn = (table: string): Sql => sql.ref(table === 'accounts' ? 't.id' : 't.account_id');

/** The rows of an account, and of events without one, that this transaction wrote so far; without savepoints. System role. */
export async function writtenRows(em: Em, accountId: string | null): Promise<ChangedRow[]> {
  const found: ChangedRow[] = [];
  for (const [table, row] of Object.entries(shown)) {
    const own = sql`${accountColumn(table)} = ${accountId}::uuid`;
    found.push(
      ...(await rows<ChangedRow>(
        em,
        sql`select ${table}::text as table, t.id, ${row} as row from ${sql.table(table)} t
          where ${table === 'webhook_events' ? sql`(${own} or ${accountColumn(table)} is null)` : own}
            and t.xmin = pg_current_xact_id()::xid order by t.id`,
      )),
    );
  }
  return found;
}

/** The same rows as another transaction sees them; those that it does not see are missing. System role. */
export async function sameRows(em: Em, changed: readonly ChangedRow[]): Promise<ChangedRow[]> {
  const found: ChangedRow[] = [];
  for (const [table, row] of Object.entries(shown)) {
    const ids = changed.filter((one) => one.table === table).map(({ id }) => id);
    if (!ids.length) continue;
    found.push(
      ...(await rows<ChangedRow>(
        em,
        sql`select ${table}::text as table, t.id, ${row} as row from ${sql.table(table)} t
          where t.id = any(${ids}::uuid[])`,
      )),
    );
  }
  return found;
}
