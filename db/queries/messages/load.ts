import type { Em } from '../../connect.ts';
import type { Attendee, Conversation } from '../../entities/conversations.ts';
import type { Message, MessageEffect } from '../../entities/messages.ts';
import { prepared, recordset, rows, sql, type Sql } from '../../sql.ts';

type Texts<T> = {
  [Name in keyof T]: T[Name] extends Date | null ? (T[Name] extends Date ? string : string | null) : T[Name];
};

/** Times are RFC 3339. */
export type LoadedMessage = Texts<Omit<Message, 'createdAt' | 'updatedAt' | 'changedAt' | 'tenantId'>>;
export type LoadedConversation = Texts<
  Pick<
    Conversation,
    | 'id'
    | 'tenantId'
    | 'accountId'
    | 'providerConversationId'
    | 'kind'
    | 'name'
    | 'lastMessageId'
    | 'lastMessageAt'
    | 'unreadCount'
    | 'readUpTo'
    | 'markedUnread'
    | 'muted'
    | 'mutedUntil'
    | 'archived'
    | 'pinned'
    | 'readOnly'
    | 'pictureSource'
    | 'toldAt'
    | 'lastActionAt'
    | 'deliveredUpTo'
    | 'seenUpTo'
  > & { lastSortKey: string | null }
>;
export type LoadedAttendee = Texts<
  Pick<Attendee, 'id' | 'name' | 'namedAt' | 'phoneNumber' | 'isSelf' | 'pictureUrl' | 'pictureSource'>
>;
type LoadedEffect = Pick<MessageEffect, 'accountId' | 'key' | 'effect'>;

export interface Loaded {
  messages: LoadedMessage[];
  conversations: LoadedConversation[];
  attendees: LoadedAttendee[];
  effects: LoadedEffect[];
  /** Of the accounts those that have a login, or log in. */
  accounts: string[];
}

/** What is asked for, by id. */
export interface Loading {
  accounts: readonly string[];
  messages: readonly string[];
  conversations: readonly string[];
  attendees: readonly string[];
  /** Keys of messages that are there now: what waited for them is taken out. */
  keys: readonly { accountId: string; key: string }[];
}

const lockedMessages = (ids: readonly string[]): Sql => sql`
        select id, account_id as "accountId", conversation_id as "conversationId", sort_key as "sortKey",
          provider_message_id as "providerMessageId", direction, sender_id as "senderId", text, versions, status,
          sent_at as "sentAt", sent_at_known as "sentAtKnown", edited_at as "editedAt", deleted_at as "deletedAt",
          deletion_confirmed as "deletionConfirmed", told_by as "toldBy", is_live as "isLive", event,
          quoted_key as "quotedKey", reactions, extras
        from messages where id = any(${[...ids]}::uuid[]) order by id for no key update`;

/** Further messages, locked in the order of their ids. */
export async function loadMessages(em: Em, ids: readonly string[]): Promise<LoadedMessage[]> {
  const [found] = await rows<{ messages: LoadedMessage[] | null }>(
    em,
    sql`with m as (${lockedMessages(ids)}) select jsonb_agg(to_jsonb(m)) as messages from m`,
  );
  return found?.messages ?? [];
}

/** Rows went into others, or were deleted, after their keys were read. The transaction has to be begun again. */
class RowsMovedError extends Error {
  override readonly name = 'RowsMovedError';
  /** PostgreSQL's serialization_failure. */
  readonly code = '40001';
}

/**
 * Throws `RowsMovedError` where a conversation that is not in `loaded` has no key any more: another transaction made it a part
 * of another one while this one waited for its row.
 */
export async function requireConversations(em: Em, ids: readonly string[], loaded: Loaded): Promise<void> {
  const found = new Set(loaded.conversations.map(({ id }) => id));
  const lost = ids.filter((id) => !found.has(id));
  if (!lost.length) return;
  const named = await rows<{ id: string }>(
    em,
    sql`select distinct target_id as id from provider_keys where target_id = any(${lost}::uuid[])`,
  );
  if (named.length < lost.length) throw new RowsMovedError('A conversation has become a part of another one.');
}

/** The rows that facts change, messages and conversations locked in the order of their ids. */
export async function loadRows(
  em: Em,
  { accounts, messages, conversations, attendees, keys }: Loading,
): Promise<Loaded> {
  const withMessages = messages.length > 0;
  const [found] = await rows<Partial<{ [Name in keyof Loaded]: Loaded[Name] | null }>>(
    em,
    // Without the parts that ask for nothing: they take time also where nothing is found.
    prepared(sql`with ${
      withMessages
        ? sql`m as (
        ${lockedMessages(messages)}),`
        : sql``
    }
      c as (
        select id, tenant_id as "tenantId", account_id as "accountId",
          provider_conversation_id as "providerConversationId", kind, name, last_message_id as "lastMessageId",
          last_message_at as "lastMessageAt", unread_count as "unreadCount", read_up_to as "readUpTo",
          marked_unread as "markedUnread", muted,
          muted_until as "mutedUntil", archived, pinned, read_only as "readOnly",
          picture_source as "pictureSource", told_at as "toldAt", last_action_at as "lastActionAt",
          delivered_up_to as "deliveredUpTo", seen_up_to as "seenUpTo",
          (select l.sort_key from messages l where l.id = last_message_id) as "lastSortKey"
        from conversations
        where id = any(${conversations}::uuid[]${withMessages ? sql` || array(select "conversationId" from m)` : sql``})
        order by id for no key update),
      a as (
        select id, name, named_at as "namedAt", phone_number as "phoneNumber", is_self as "isSelf",
          picture_url as "pictureUrl", picture_source as "pictureSource"
        from attendees where id = any(${attendees}::uuid[])),
      e as (
        delete from message_effects w using ${recordset(keys, sql`("accountId" uuid, key text)`)} as k
        where w.account_id = k."accountId" and w.key = k.key
        returning w.account_id as "accountId", w.key, w.effect)
      select ${withMessages ? sql`(select jsonb_agg(to_jsonb(m)) from m) as messages,` : sql``}
        (select jsonb_agg(to_jsonb(c)) from c) as conversations,
        (select jsonb_agg(to_jsonb(a)) from a) as attendees, (select jsonb_agg(to_jsonb(e)) from e) as effects,
        (select jsonb_agg(x.id) from accounts x where x.id = any(${accounts}::uuid[]) and (x.provider_account_id is not null
          or exists (select from connection_attempts t where t.account_id = x.id and t.state = 'running'))) as accounts`),
  );
  return {
    messages: found?.messages ?? [],
    conversations: found?.conversations ?? [],
    attendees: found?.attendees ?? [],
    effects: found?.effects ?? [],
    accounts: found?.accounts ?? [],
  };
}
