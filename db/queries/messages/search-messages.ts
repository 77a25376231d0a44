import { byIndex } from '../../by-index.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

export interface FoundMessage {
  id: string;
  /** PostgreSQL's text of the time of its sending. */
  at: string;
  /** 1 for the newest of those that are ranked together. */
  age: number;
}

/** The message with which a window begins, or below which it does. */
export interface WindowStart extends Pick<FoundMessage, 'id' | 'at'> {
  inclusive: boolean;
}

/** Matches that are ranked together: the newest ones. */
export const windowSize = 500;
/** Up to this many matches are sorted by time; where there are more, messages are read newest first until the window is full. */
const mostSorted = 10_000;

/** A text for `to_tsquery`: words of `searchWords`, each the beginning of a word, but one letter of ASCII a word of its own. */
export const wordQuery = (words: readonly string[]): string =>
  words.map((word) => (/^[a-z0-9]$/.test(word) ? `'${word}'` : `'${word}':*`)).join(' & ');

/**
 * The newest messages with all of these words, from a place on; the best match first, then the newest. Deleted messages
 * have no words.
 */
export async function searchMessages(
  em: Em,
  tenantId: string,
  words: readonly string[],
  { account, conversation }: { account?: string | undefined; conversation?: string | undefined },
  from: WindowStart | null,
): Promise<FoundMessage[]> {
  const query = sql`to_tsquery('simple', ${wordQuery(words)})`;
  const parts = [sql`m.tenant_id = ${tenantId}`, sql`m.search @@ ${query}`];
  if (account !== undefined) parts.push(sql`m.account_id = ${account}`);
  if (conversation !== undefined) parts.push(sql`m.conversation_id = ${conversation}`);
  if (from) {
    const place = sql`(${from.at}::timestamptz, ${from.id}::uuid)`;
    parts.push(from.inclusive ? sql`(m.sent_at, m.id) <= ${place}` : sql`(m.sent_at, m.id) < ${place}`);
  }
  const where = sql.join(parts, sql` and `);
  const columns = sql`m.id, m.sent_at, m.search`;
  const newest = sql`order by sent_at desc, id desc limit ${windowSize}`;
  const ranked = sql`
    select id, sent_at::text as at, row_number() over (order by sent_at desc, id desc)::int as age from found
    order by ts_rank(search, ${query}) desc, sent_at desc, id desc`;
  const few = await byIndex(em, 'matches', async () => {
    const hits = await rows<FoundMessage & { many: boolean }>(
      em,
      sql`with hits as materialized (select ${columns} from messages m where ${where} limit ${mostSorted + 1}),
            found as (select * from hits where (select count(*) from hits) <= ${mostSorted} ${newest}),
            ranked as (${ranked})
          select id, at, age, false as many from ranked
          union all select null, null, null, true from (select count(*) as n from hits) h where h.n > ${mostSorted}`,
    );
    return hits.some(({ many }) => many) ? null : hits;
  });
  if (few) return few;
  return byIndex(em, 'order', () =>
    rows(em, sql`with found as materialized (select ${columns} from messages m where ${where} ${newest}) ${ranked}`),
  );
}
