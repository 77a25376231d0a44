import type { Em } from '../../connect.ts';
import { Attachment, MessageReceipt } from '../../entities/messages.ts';
import { recordset, rows, sql, type Sql } from '../../sql.ts';

/** Where a message stands in a list: PostgreSQL's text of the time of its sending, and what orders messages of one time. */
export interface MessagePlace {
  at: string;
  key: string;
}

export interface MessageFilter {
  account?: string | undefined;
  conversation?: string | undefined;
  /** Both exclusive. */
  sentBefore?: Date | undefined;
  sentAfter?: Date | undefined;
}

/** Conditions on messages `m`. */
export function messageConditions({ account, conversation, sentBefore, sentAfter }: MessageFilter): Sql[] {
  const parts: Sql[] = [];
  if (account !== undefined) parts.push(sql`m.account_id = ${account}`);
  if (conversation !== undefined) parts.push(sql`m.conversation_id = ${conversation}`);
  if (sentBefore) parts.push(sql`m.sent_at < ${sentBefore}`);
  if (sentAfter) parts.push(sql`m.sent_at > ${sentAfter}`);
  return parts;
}

/** Messages, newest first: those of one conversation in its order, else all of the tenant. */
export function listMessages(
  em: Em,
  tenantId: string,
  filter: MessageFilter,
  { after, limit }: { after: MessagePlace | null; limit: number },
): Promise<(MessagePlace & { id: string })[]> {
  const { conversation } = filter;
  const key = conversation === undefined ? sql`m.id` : sql`m.sort_key`;
  const parts = [sql`m.tenant_id = ${tenantId}`, ...messageConditions(filter)];
  if (after)
    parts.push(
      conversation === undefined
        ? sql`(m.sent_at, m.id) < (${after.at}::timestamptz, ${after.key}::uuid)`
        : sql`(m.sent_at, m.sort_key) < (${after.at}::timestamptz, ${after.key})`,
    );
  return rows(
    em,
    sql`select m.id, m.sent_at::text as at, ${key}::text as key from messages m where ${sql.join(parts, sql` and `)}
        order by m.sent_at desc, ${key} desc limit ${limit}`,
  );
}

export const attachmentsOf = (em: Em, messages: readonly string[]): Promise<Attachment[]> =>
  em.find(
    Attachment,
    { messageId: { $in: [...messages] } },
    { orderBy: { messageId: 'asc', id: 'asc' }, exclude: ['source'] },
  ) as Promise<Attachment[]>;

export const receiptsOf = (em: Em, messages: readonly string[]): Promise<MessageReceipt[]> =>
  em.find(
    MessageReceipt,
    { messageId: { $in: [...messages] } },
    { orderBy: { messageId: 'asc', at: 'asc', attendeeId: 'asc' } },
  );

/** The messages that keys of a provider name. Those that are not here are left out. */
export async function messagesByKey(
  em: Em,
  asked: readonly { account: string; key: string }[],
): Promise<{ account: string; key: string; message: string }[]> {
  if (!asked.length) return [];
  return rows(
    em,
    sql`select k.account_id as account, k.key, m.id as message
        from ${recordset(asked, sql`(account uuid, key text)`)} as g
        join provider_keys k on k.account_id = g.account and k.kind = 'message' and k.key = g.key
        join messages m on m.id = k.target_id`,
  );
}
