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

const at = sql`coalesce(c.last_message_at, '-infinity'::timestamptz)`;
const order = sql`c.pinned desc, ${at} desc, c.id desc`;

/** The places of conversations: pinned ones first, then by their newest message, then by id. */
export async function listConversations(
  em: Em,
  tenantId: string,
  filter: ConversationFilter,
  { after, limit }: { after: ConversationPlace | null; limit: number },
): Promise<ConversationPlace[]> {
  const { account, channel, label } = filter;
  const where = sql.join([sql`c.tenant_id = ${tenantId}`, ...conditions(filter), ...behind(after)], sql` and `);
  const page = (more: Sql): Sql =>
    sql`select c.id, c.pinned, ${at}::text as at from conversations c where ${more} and ${where}
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

function* conditions({ account, channel, unread, archived, label, attendee }: ConversationFilter): Generator<Sql> {
  if (account !== undefined && channel !== undefined)
    yield sql`exists (select from accounts where id = ${account} and channel = ${channel})`;
  const isUnread = sql`(c.unread_count > 0 or c.marked_unread)`;
  if (unread !== undefined) yield unread ? isUnread : sql`not ${isUnread}`;
  if (archived !== undefined) yield archived ? sql`c.archived` : sql`not c.archived`;
  if (label !== undefined) yield sql`c.labels <> '{}' and c.labels @> ${[canonicalText(label)]}::text[]`;
  if (attendee !== undefined)
    yield sql`c.id in (
      select conversation_id from conversation_attendees
      where attendee_id = ${attendee} or attendee_id in (select id from attendees where merged_into = ${attendee}))`;
}

function* behind(after: ConversationPlace | null): Generator<Sql> {
  if (after) yield sql`(c.pinned, ${at}, c.id) < (${after.pinned}, ${after.at}::timestamptz, ${after.id}::uuid)`;
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
  account: string;
  total: number;
  unread: number;
  unread_messages: number;
  archived: number;
}

/** The conversations of each account that has any. */
export const countConversations = (em: Em, tenantId: string, account?: string): Promise<ConversationCounts[]> =>
  rows(
    em,
    sql`select account_id as account, count(*)::int as total,
          (count(*) filter (where unread_count > 0 or marked_unread))::int as unread,
          sum(unread_count)::int as unread_messages, (count(*) filter (where archived))::int as archived
        from conversations
        where tenant_id = ${tenantId} ${account === undefined ? sql`` : sql`and account_id = ${account}`}
        group by account_id order by account_id`,
  );
