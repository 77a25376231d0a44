import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { contactConditions, type ContactFilter } from '../contacts/find-contacts.ts';
import { conversationConditions, type ConversationFilter } from '../conversations/list-conversations.ts';
import { messageConditions, type MessageFilter } from '../messages/list-messages.ts';
import { accountConditions, type AccountFilter } from './account-conditions.ts';

/** Tables whose rows tell when they changed (`changed_at`), and the filters of their lists. */
export interface UpdateFilters {
  accounts: AccountFilter;
  contacts: ContactFilter;
  conversations: ConversationFilter;
  messages: MessageFilter;
}
export type UpdatedTable = keyof UpdateFilters;

/** The name that conditions give the row, and the conditions. */
const sources: {
  [T in UpdatedTable]: {
    row: string;
    conditions(em: Em, filter: UpdateFilters[T]): readonly Sql[] | Promise<readonly Sql[]>;
  };
} = {
  accounts: { row: 'a', conditions: (_em, filter) => accountConditions(filter) },
  contacts: { row: 'c', conditions: (_em, filter) => contactConditions(filter) },
  conversations: { row: 'c', conditions: conversationConditions },
  messages: { row: 'm', conditions: (_em, filter) => messageConditions(filter) },
};

/** Where a row stands among those that changed. `at` is PostgreSQL's text of the time of its change. */
export interface UpdatedPlace {
  at: string;
  id: string;
}

/** Rows that one statement looks at, those that a filter leaves out among them. */
const mostRead = 1_000;

/** What part of the changed rows is read: from `since`, or after a row; before `before`, PostgreSQL's text of a time. */
interface UpdatedPart {
  since: Date;
  after: UpdatedPlace | null;
  before: string;
  limit: number;
}

/**
 * Ids of rows in the order of their last change, merged ones too. `next`: the place to read on from; null at the end. A
 * filter may leave a page with few ids, or none, before the end.
 */
export async function updatedRows<T extends UpdatedTable>(
  em: Em,
  tenantId: string,
  { table, filter }: { table: T; filter: UpdateFilters[T] },
  { since, after, before, limit }: UpdatedPart,
): Promise<{ ids: string[]; next: UpdatedPlace | null }> {
  const { row: name, conditions } = sources[table];
  const wanted = await conditions(em, filter);
  const row = sql.ref(name);
  const most = wanted.length ? Math.max(mostRead, limit + 1) : limit + 1;
  const found = await rows<UpdatedPlace & { wanted: boolean; looked: number }>(
    em,
    sql`with looked as materialized (
          select ${row}.id, ${row}.changed_at,
            ${wanted.length ? sql`(${sql.join(wanted, sql` and `)}) is true` : sql`true`} as wanted
          from ${sql.table(table)} ${row}
          where ${row}.tenant_id = ${tenantId}::uuid and ${row}.changed_at < ${before}::timestamptz
            and ${
              after
                ? sql`(${row}.changed_at, ${row}.id) > (${after.at}::timestamptz, ${after.id}::uuid)`
                : sql`${row}.changed_at >= ${since}`
            }
          order by ${row}.changed_at, ${row}.id limit ${most})
        select id, changed_at::text as at, wanted, (select count(*)::int from looked) as looked
        from (
          (select * from looked where wanted order by changed_at, id limit ${limit + 1})
          union all
          (select * from (select * from looked order by changed_at desc, id desc limit 1) last where not wanted)) shown
        order by shown.changed_at, shown.id`,
  );
  const places = found.filter((one) => one.wanted);
  const shown = places.slice(0, limit);
  const last = places.length > limit ? shown.at(-1) : found[0]?.looked === most ? found.at(-1) : undefined;
  return { ids: shown.map(({ id }) => id), next: last ? { at: last.at, id: last.id } : null };
}

/** A moment of PostgreSQL's clock, as its text and as RFC 3339 in whole milliseconds, not later. */
interface Moment {
  /** Transactions with a lower number may have written before the moment. Those with a higher one wrote after it. */
  number: string;
  text: string;
  time: string;
}

/**
 * This moment. The transaction's number is the next one: every writer before has a lower one, and a writer that comes later
 * takes the time of its changes when it has its number. The first statement of its transaction.
 */
export async function thisMoment(em: Em): Promise<Moment> {
  const [row] = await rows<Moment>(
    em,
    sql`select pg_current_xact_id()::text as number, now()::text as text,
          to_char(date_trunc('milliseconds', now()) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as time`,
  );
  return row!;
}

/** Whether all transactions that may have written before a moment have ended. */
export async function isSettled(em: Em, { number }: Moment): Promise<boolean> {
  const [row] = await rows<{ settled: boolean }>(
    em,
    sql`select pg_snapshot_xmin(pg_current_snapshot()) >= ${number}::xid8 as settled`,
  );
  return row?.settled ?? false;
}
