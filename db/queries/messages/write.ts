import type { Attendee, Conversation, ConversationAttendee, ProviderKey } from '../../entities/conversations.ts';
import type { Attachment, Message, MessageEffect, MessageReceipt } from '../../entities/messages.ts';
import { messageStatuses } from '../../../domain/messages.ts';
import { fetchHistoryAfterMs } from '../../../domain/media.ts';
import { recordset, sql, type Parts, type Sql } from '../../sql.ts';
import { isOwnAttachment } from '../sends/own-attachments.ts';

type Row<T> = Omit<
  T,
  'createdAt' | 'updatedAt' | 'changedAt' | 'mergedInto' | 'labels' | 'pictureMediaId' | 'pictureCheckedAt'
>;

export interface WrittenMessage extends Row<Message> {
  isNew: boolean;
}
export interface WrittenConversation extends Row<Conversation> {
  isNew: boolean;
}
export interface WrittenAttendee extends Row<Attendee> {
  isNew: boolean;
}

interface WrittenMember extends ConversationAttendee {
  /** Whether `memberAt` replaces an earlier time; where a message shows the same, it need not. */
  isTold: boolean;
}

/** What facts make of the rows: the new ones, and the changed ones whole. */
export interface Writing {
  conversations: readonly WrittenConversation[];
  attendees: readonly WrittenAttendee[];
  members: readonly WrittenMember[];
  messages: readonly WrittenMessage[];
  receipts: readonly MessageReceipt[];
  attachments: readonly Omit<Attachment, 'createdAt' | 'mediaId' | 'fetchDueAt' | 'fetchTries' | 'unavailableWhy'>[];
  /** Keys that name another row now. */
  keys: readonly Pick<ProviderKey, 'accountId' | 'kind' | 'key' | 'targetId'>[];
  /** Of messages that have not come yet. */
  effects: readonly Omit<MessageEffect, 'createdAt'>[];
}

const conversationRow = sql`("id" uuid, "tenantId" uuid, "accountId" uuid, "providerConversationId" text, "kind" text,
  "name" text, "lastMessageId" uuid, "lastMessageAt" timestamptz, "unreadCount" int, "readUpTo" timestamptz,
  "markedUnread" boolean, "muted" boolean, "mutedUntil" timestamptz, "archived" boolean, "pinned" boolean, "readOnly" boolean,
  "pictureSource" jsonb, "toldAt" jsonb, "lastActionAt" timestamptz, "deliveredUpTo" timestamptz, "seenUpTo" timestamptz,
  "isNew" boolean)`;
const attendeeRow = sql`("id" uuid, "tenantId" uuid, "accountId" uuid, "providerAttendeeId" text, "name" text,
  "namedAt" timestamptz, "phoneNumber" text, "isSelf" boolean, "pictureUrl" text, "pictureSource" jsonb, "profileDue" boolean,
  "isNew" boolean)`;
const messageRow = sql`("id" uuid, "tenantId" uuid, "accountId" uuid, "conversationId" uuid, "providerMessageId" text,
  "sortKey" text, "direction" text, "senderId" uuid, "text" text, "versions" jsonb, "status" text,
  "sentAt" timestamptz, "sentAtKnown" boolean, "editedAt" timestamptz, "deletedAt" timestamptz,
  "deletionConfirmed" boolean, "toldBy" text, "isLive" boolean, "event" text, "quotedKey" text, "reactions" jsonb,
  "extras" jsonb, "isNew" boolean)`;
const attachmentRow = sql`("id" uuid, "tenantId" uuid, "accountId" uuid, "messageId" uuid, "key" text, "kind" text,
  "mimeType" text, "fileName" text, "size" bigint, "width" int, "height" int, "durationMs" int, "isVoice" boolean,
  "unavailable" boolean, "source" text, "isLive" boolean)`;

const rank = (column: Sql): Sql => sql`array_position(${messageStatuses as readonly string[]}::text[], ${column})`;

const receiptRow = sql`("messageId" uuid, "attendeeId" uuid, "tenantId" uuid, status text, at timestamptz)`;
const memberRow = sql`("conversationId" uuid, "attendeeId" uuid, "tenantId" uuid, "memberAt" timestamptz)`;
/** Those that left come back where they were members later. */
const members = (list: readonly object[]): Sql => sql`
        insert into conversation_attendees as o (conversation_id, attendee_id, tenant_id, member_at)
        select "conversationId", "attendeeId", "tenantId", "memberAt" from ${recordset(list, memberRow)} as g
        where not exists (
          select from conversation_departures d
          where d.conversation_id = g."conversationId" and d.attendee_id = g."attendeeId"
            and d.left_at >= coalesce(g."memberAt", '-infinity'))
        order by 1, 2`;
const keyRow = sql`("accountId" uuid, kind text, key text, "targetId" uuid)`;
const effectRow = sql`("accountId" uuid, key text, digest text, "tenantId" uuid, effect jsonb)`;

/** Writes all of it, of what there is alone: each part takes time also where its list is empty. */
export function writeRows(writing: Writing, now: Date): Parts {
  const { receipts, keys, effects } = writing;
  const live = new Set(writing.messages.filter(({ isLive }) => isLive).map(({ id }) => id));
  const attachments = writing.attachments.map((one) => ({ ...one, isLive: live.has(one.messageId) }));
  const parts: [string, Sql][] = [];
  const add = (list: readonly object[], part: (list: readonly object[]) => Sql): void => {
    if (list.length) parts.push([`rows${parts.length}`, part(list)]);
  };
  const [conversations, attendees, messages] = [
    split(writing.conversations),
    split(writing.attendees),
    split(writing.messages),
  ];
  add(
    conversations.fresh,
    (list) => sql`
        insert into conversations (id, tenant_id, account_id, provider_conversation_id, kind, name, last_message_id,
          last_message_at, unread_count, read_up_to, marked_unread, muted, muted_until, archived, pinned, read_only,
          labels, picture_source, told_at, last_action_at, delivered_up_to, seen_up_to, created_at, updated_at)
        select id, "tenantId", "accountId", "providerConversationId", kind, name, "lastMessageId", "lastMessageAt",
          "unreadCount", "readUpTo", "markedUnread", muted, "mutedUntil", archived, pinned, "readOnly", '{}',
          "pictureSource", "toldAt", "lastActionAt", "deliveredUpTo", "seenUpTo", ${now}, ${now}
        from ${recordset(list, conversationRow)} as g order by id`,
  );
  add(
    conversations.changed,
    (list) => sql`
        update conversations c set name = g.name, last_message_id = g."lastMessageId",
          last_message_at = g."lastMessageAt", unread_count = g."unreadCount", read_up_to = g."readUpTo",
          marked_unread = g."markedUnread", muted = g.muted, muted_until = g."mutedUntil", archived = g.archived, pinned = g.pinned,
          read_only = g."readOnly", picture_source = g."pictureSource", told_at = g."toldAt",
          last_action_at = g."lastActionAt", delivered_up_to = g."deliveredUpTo", seen_up_to = g."seenUpTo",
          updated_at = ${now}
        from ${recordset(list, conversationRow)} as g where c.id = g.id`,
  );
  add(
    attendees.fresh,
    (list) => sql`
        insert into attendees (id, tenant_id, account_id, provider_attendee_id, name, named_at, phone_number, is_self,
          picture_url, picture_source, profile_due, created_at, updated_at)
        select id, "tenantId", "accountId", "providerAttendeeId", name, "namedAt", "phoneNumber", "isSelf",
          "pictureUrl", "pictureSource", "profileDue", ${now}, ${now}
        from ${recordset(list, attendeeRow)} as g order by id`,
  );
  add(
    attendees.changed,
    (list) => sql`
        update attendees a set name = g.name, named_at = g."namedAt", phone_number = g."phoneNumber",
          is_self = g."isSelf", picture_url = g."pictureUrl",
           picture_source = g."pictureSource", updated_at = ${now}
        from ${recordset(list, attendeeRow)} as g where a.id = g.id`,
  );
  add(
    writing.members.filter(({ isTold }) => !isTold),
    (list) => sql`${members(list)} on conflict do nothing`,
  );
  add(
    writing.members.filter(({ isTold }) => isTold),
    (list) => sql`${members(list)}
        on conflict (conversation_id, attendee_id) do update set member_at = excluded.member_at
        where excluded.member_at > coalesce(o.member_at, '-infinity')`,
  );
  add(
    messages.fresh,
    (list) => sql`
        insert into messages (id, tenant_id, account_id, conversation_id, provider_message_id, sort_key, direction,
          sender_id, text, versions, status, sent_at, sent_at_known, edited_at, deleted_at, deletion_confirmed, told_by,
          is_live, event, quoted_key, reactions, extras, created_at, updated_at)
        select id, "tenantId", "accountId", "conversationId", "providerMessageId", "sortKey", direction, "senderId", text,
          versions, status, "sentAt", "sentAtKnown", "editedAt", "deletedAt", "deletionConfirmed", "toldBy", "isLive",
          event, "quotedKey", reactions, extras, ${now}, ${now}
        from ${recordset(list, messageRow)} as g order by id`,
  );
  add(
    messages.changed,
    (list) => sql`
        update messages m set provider_message_id = g."providerMessageId", sort_key = g."sortKey",
          direction = g.direction, sender_id = g."senderId", text = g.text, versions = g.versions, status = g.status,
          sent_at = g."sentAt", sent_at_known = g."sentAtKnown", edited_at = g."editedAt", deleted_at = g."deletedAt",
          deletion_confirmed = g."deletionConfirmed", told_by = g."toldBy", is_live = g."isLive", event = g.event,
          quoted_key = g."quotedKey", reactions = g.reactions, extras = g.extras, updated_at = ${now}
        from ${recordset(list, messageRow)} as g where m.id = g.id`,
  );
  add(
    receipts,
    (list) => sql`
        insert into message_receipts as r (message_id, attendee_id, tenant_id, status, at)
        select "messageId", "attendeeId", "tenantId", status, at from ${recordset(list, receiptRow)} as g order by 1, 2
        on conflict (message_id, attendee_id) do update set status = excluded.status, at = excluded.at
        where (${rank(sql`excluded.status`)}, r.at) > (${rank(sql`r.status`)}, excluded.at)`,
  );
  add(
    attachments,
    (list) => sql`
        insert into attachments as a (id, tenant_id, account_id, message_id, key, kind, mime_type, file_name, size, width,
          height, duration_ms, is_voice, unavailable, source, created_at, fetch_due_at)
        select id, "tenantId", "accountId", "messageId", key, kind, "mimeType", "fileName", size, width, height,
          "durationMs", "isVoice", unavailable, source, ${now},
          case when source is null or unavailable then null
            when "isLive" then ${now}::timestamptz
            else ${new Date(now.getTime() + fetchHistoryAfterMs)}::timestamptz end
        from ${recordset(list, attachmentRow)} as g
        where not exists (select from attachments o where o.message_id = g."messageId" and ${isOwnAttachment('o')})
        order by id
        on conflict (message_id, key) do nothing`,
  );
  add(
    keys,
    (list) => sql`
        update provider_keys k set target_id = g."targetId" from ${recordset(list, keyRow)} as g
        where k.account_id = g."accountId" and k.kind = g.kind and k.key = g.key`,
  );
  add(
    effects,
    (list) => sql`
        insert into message_effects (account_id, key, digest, tenant_id, effect, created_at)
        select "accountId", key, digest, "tenantId", effect, ${now} from ${recordset(list, effectRow)} as g
        order by 1, 2, 3 on conflict do nothing`,
  );
  return parts;
}

const split = <T extends { isNew: boolean }>(list: readonly T[]): { fresh: T[]; changed: T[] } => ({
  fresh: list.filter(({ isNew }) => isNew),
  changed: list.filter(({ isNew }) => !isNew),
});
