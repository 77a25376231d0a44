/** What the rows that one statement inserts, updates or deletes become in the feed. In SQL `n` is the row. */
export interface EventSource {
  table: string;
  on: 'insert' | 'update' | 'delete';
  /** What else the events need, as a join; `o`, the row before an update, is joined already. */
  join?: string;
  /** SQL of the account; the row's own column where it is left out. */
  account?: string;
  events: readonly EventOfRow[];
}

interface EventOfRow {
  type: string;
  /** SQL: which rows; all of them where it is left out. */
  when?: string;
  /** SQL by the name that the value has in the event's data. */
  data?: Readonly<Record<string, string>>;
  /** One event for all rows of an account: ids of the rows by this name. It has no other data. */
  ids?: string;
  /** Of an update: columns by the name that they have in the data's `changed`. A row that changed in none is no event. */
  changed?: Readonly<Record<string, string>>;
}

/** SQL that is true where one of these columns changed. */
export const differs = (...columns: readonly string[]): string => {
  const of = (row: string): string => columns.map((column) => `${row}.${column}`).join(', ');
  return `(${of('n')}) is distinct from (${of('o')})`;
};

/**
 * SQL of a trigger that writes events for all rows of a statement at once, within that statement. Its function begins after
 * the rows were locked, which `event_stamp` relies on.
 */
export function recordEvents({ table, on, join = '', account = 'n.account_id', events }: EventSource): string {
  const name = `record_${table}_${on}`;
  const rows = on === 'delete' ? 'old_rows n' : 'new_rows n';
  const before = on === 'update' ? `join old_rows o on ${keysOf(table)}` : '';
  const transitions = {
    insert: 'new table as new_rows',
    update: 'old table as old_rows new table as new_rows',
    delete: 'old table as old_rows',
  };
  // What a tenant's own end removes is told to nothing.
  const always = on === 'delete' ? ['exists (select from tenants t where t.id = n.tenant_id)'] : [];
  const parts = events.map(({ type, when, ids, data, changed }) => {
    if (ids)
      return `select (array_agg(n.id order by n.id))[1] as row_id, n.tenant_id, ${account} as account_id,
      '${type}' as type, jsonb_build_object('${ids}', jsonb_agg(n.id order by n.id)) as data
    from ${rows} group by n.tenant_id, ${account}`;
    const list = Object.entries(changed ?? {}).map(
      ([wire, column]) => `case when ${differs(column)} then '${wire}' end`,
    );
    const fields = { ...data, ...(changed ? { changed: 'c.changed' } : {}) };
    const where = [...always, ...(when ? [when] : []), ...(changed ? ["c.changed <> '{}'"] : [])];
    return `select ${idOf(table)} as row_id, n.tenant_id, ${account} as account_id, '${type}' as type,
      jsonb_build_object(${Object.entries(fields)
        .map(([field, value]) => `'${field}', ${value}`)
        .join(', ')}) as data
    from ${rows} ${before} ${join}
    ${changed ? `cross join lateral (select array_remove(array[${list.join(', ')}], null) as changed) c` : ''}
    ${where.length ? `where ${where.join(' and ')}` : ''}`;
  });
  return `
create function ${name}() returns trigger language plpgsql as $$
declare
  stamped bigint := event_stamp();
  told_at timestamptz := event_time();
begin
  insert into events (tenant_id, stamp, seq, account_id, type, data, at)
  select e.tenant_id, stamped, nextval('events_seq'), e.account_id, e.type, e.data, told_at
  from (${parts.join('\n    union all ')}
    order by row_id) e;
  return null;
end $$;
create trigger record_${on} after ${on} on ${table} referencing ${transitions[on]}
  for each statement execute function ${name}();`;
}

/** Receipts have no id of their own. */
const idOf = (table: string): string => (table === 'message_receipts' ? 'n.message_id' : 'n.id');
const keysOf = (table: string): string =>
  table === 'message_receipts' ? 'o.message_id = n.message_id and o.attendee_id = n.attendee_id' : 'o.id = n.id';
