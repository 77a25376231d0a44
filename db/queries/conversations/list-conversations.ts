import type { Channel } from '../../../domain/channels.ts';
import { canonicalText } from '../../../domain/text.ts';
import { byIndex } from '../../by-index.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

export interface ConversationFilter {
  account?: string | undefined;
  channel?: Channel | undefined;
  unread?: boolean | undefined;
  archived?: boolean | undefined;
  label?: string | undefined;
  /** An attendee of the conversation, or one that was merged into it. */
  attendee?: string | undefined;
}

/** Where a conversation stands in an inbox. `at` is PostgreSQL's text of the time of its last message. */
export interface ConversationPlace {
  pinned: boolean;
  at: string;
  id: string;
}

/** Accounts whose conversations are read one account after the other, in place of all that the tenant has. */
const mostMerged = 50;

/** Rows that one person has, and conversations that each of them is in. */
const mostJoined = 10_000;

const at = sql`coalesce(c.last_message_at, '-infinity'::timestamptz)`;
const order = sql`c.pinned desc, ${at} desc, c.id desc`;

/** The places of conversations: pinned ones first, then by their newest message, then by id. */
export async function listConversations(
  em: Em,
  tenantId: string,
  filter: ConversationFilter,
  { after, limit }: { after: ConversationPlace | null; limit: number },
): Promise<ConversationPlace[]> {
  const among =
    filter.attendee === undefined ? [] : [sql`c.id = any(${await conversationsOf(em, filter.attendee)}::uuid[])`];
  const where = [...conditions(filter), ...among];
  if (!after) return findPlaces(em, tenantId, filter, where, limit);
  // Two statements: no index serves a comparison that begins with a boolean.
  const behind = sql`c.pinned = ${after.pinned} and (${at}, c.id) < (${after.at}::timestamptz, ${after.id}::uuid)`;
  const found = await findPlaces(em, tenantId, filter, [...where, behind], limit);
  if (!after.pinned || found.length === limit) return found;
  return [...found, ...(await findPlaces(em, tenantId, filter, [...where, sql`not c.pinned`], limit - found.length))];
}

async function findPlaces(
  em: Em,
  tenantId: string,
  { account, channel, label }: ConversationFilter,
  more: readonly Sql[],
  limit: number,
): Promise<ConversationPlace[]> {
  const where = sql.join([sql`c.tenant_id = ${tenantId}`, ...more], sql` and `);
  const page = (scope: Sql): Sql =>
    sql`select c.id, c.pinned, ${at}::text as at from conversations c where ${scope} and ${where}
        order by ${order} limit ${limit}`;
  const find = async (): Promise<ConversationPlace[]> => {
    if (account !== undefined) return rows(em, page(sql`c.account_id = ${account}`));
    if (channel === undefined) return rows(em, page(sql`true`));
    const accounts = await accountsOf(em, tenantId, channel);
    if (accounts.length > mostMerged)
      return rows(
        em,
        page(sql`c.account_id in (select id from accounts where tenant_id = ${tenantId} and channel = ${channel})`),
      );
    return rows(
      em,
      sql`select c.id, c.pinned, c.at from unnest(${accounts}::uuid[]) as a(id),
            lateral (${page(sql`c.account_id = a.id`)}) c
          order by c.pinned desc, c.at::timestamptz desc, c.id desc limit ${limit}`,
    );
  };
  return label === undefined ? find() : byIndex(em, 'any', find);
}

/** Conditions on conversations `c`, of the whole filter. */
export async function conversationConditions(em: Em, filter: ConversationFilter): Promise<Sql[]> {
  const { account, channel, attendee } = filter;
  const parts = [...conditions({ ...filter, channel: undefined })];
  if (account !== undefined) parts.push(sql`c.account_id = ${account}`);
  if (channel !== undefined)
    parts.push(sql`exists (select from accounts a where a.id = c.account_id and a.channel = ${channel})`);
  if (attendee !== undefined) parts.push(sql`c.id = any(${await conversationsOf(em, attendee)}::uuid[])`);
  return parts;
}

function* conditions({ account, channel, unread, archived, label }: ConversationFilter): Generator<Sql> {
  if (account !== undefined && channel !== undefined)
    yield sql`exists (select from accounts where id = ${account} and channel = ${channel})`;
  const isUnread = sql`(c.unread_count > 0 or c.marked_unread)`;
  if (unread !== undefined) yield unread ? isUnread : sql`not ${isUnread}`;
  if (archived !== undefined) yield archived ? sql`c.archived` : sql`not c.archived`;
  if (label !== undefined) yield sql`c.labels <> '{}' and c.labels @> ${[canonicalText(label)]}::text[]`;
}

/** The conversations of an attendee, those of the rows that were merged into it too. */
async function conversationsOf(em: Em, attendee: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select ca.conversation_id as id
        from (select id from attendees where id = ${attendee} or merged_into = ${attendee} limit ${mostJoined}) a,
          lateral (select conversation_id from conversation_attendees where attendee_id = a.id limit ${mostJoined}) ca`,
  );
  return found.map(({ id }) => id);
}

/** One more than are merged, where there are so many. */
async function accountsOf(em: Em, tenantId: string, channel: Channel): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from accounts where tenant_id = ${tenantId} and channel = ${channel} order by id limit ${mostMerged + 1}`,
  );
  return found.map(({ id }) => id);
}

export interface ConversationCounts {
  account_id: string;
  total: number;
  unread: number;
  unread_messages: number;
  archived: number;
}

/** The conversations of each account that has any. */
export const countConversations = (em: Em, tenantId: string, account?: string): Promise<ConversationCounts[]> =>
  rows(
    em,
    sql`select account_id, count(*)::int as total,
          (count(*) filter (where unread_count > 0 or marked_unread))::int as unread,
          sum(unread_count)::int as unread_messages, (count(*) filter (where archived))::int as archived
        from conversations
        where tenant_id = ${tenantId} ${account === undefined ? sql`` : sql`and account_id = ${account}`}
        group by account_id order by account_id`,
  );
