import type { RequiredEntityData } from '@mikro-orm/core';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Attendee, Conversation, ConversationAttendee, ProviderKey } from '../../db/entities/conversations.ts';
import { Attachment, Message } from '../../db/entities/messages.ts';
import { newId } from '../../platform/ids.ts';

type Given<T> = Partial<{ [Name in keyof T]: T[Name] }>;

const at = new Date('2026-03-01T12:00:00.000Z');

/** Writes conversations of one account as rows, without any event that made them. */
export interface MessageSeed {
  attendee(given: Given<Attendee>): Attendee;
  conversation(given: Given<Conversation>, attendees?: readonly Attendee[]): Conversation;
  /** The conversation's last message, should it be the newest. */
  message(conversation: Conversation, given: Given<Message>): Message;
  attachment(message: Message, given: Given<Attachment>): Attachment;
}

/** Writes what `work` makes, in a transaction as the system's role. */
export async function seedMessages<T>(em: Em, accountId: string, work: (to: MessageSeed) => T): Promise<T> {
  const { tenantId } = await em.findOneOrFail(Account, { id: accountId });
  const own = { tenantId, accountId };
  const made: object[] = [];
  const make = <E extends object>(entity: new () => E, row: RequiredEntityData<E>): E => {
    const one = em.create(entity, row, { persist: false });
    made.push(one);
    return one;
  };
  const key = (kind: ProviderKey['kind'], name: string, targetId: string): void => {
    make(ProviderKey, { accountId, tenantId, kind, key: name, targetId, createdAt: at });
  };
  const result = work({
    attendee: (given) => {
      const id = newId();
      const row = make(Attendee, {
        pictureSource: null,
        id,
        ...own,
        providerAttendeeId: `member-${id}`,
        name: null,
        namedAt: null,
        phoneNumber: null,
        isSelf: false,
        pictureUrl: null,
        mergedInto: null,
        createdAt: at,
        updatedAt: at,
        ...given,
      });
      key('attendee', row.providerAttendeeId, id);
      return row;
    },
    conversation: (given, attendees = []) => {
      const id = newId();
      const row = make(Conversation, {
        pictureSource: null,
        id,
        ...own,
        providerConversationId: `chat-${id}`,
        kind: 'person',
        name: null,
        lastMessageId: null,
        lastMessageAt: null,
        unreadCount: 0,
        readUpTo: null,
        markedUnread: false,
        muted: false,
        mutedUntil: null,
        archived: false,
        pinned: false,
        readOnly: false,
        labels: [],
        toldAt: {},
        createdAt: at,
        updatedAt: at,
        ...given,
      });
      key('conversation', row.providerConversationId, id);
      for (const { id: attendeeId } of attendees)
        make(ConversationAttendee, { conversationId: id, attendeeId, tenantId, memberAt: null });
      return row;
    },
    message: (conversation, given) => {
      const id = newId();
      const row = make(Message, {
        id,
        ...own,
        conversationId: conversation.id,
        providerMessageId: `wamid-${id}`,
        sortKey: id,
        direction: 'in',
        senderId: null,
        text: 'hello',
        versions: [],
        status: 'sent',
        sentAt: at,
        sentAtKnown: true,
        editedAt: null,
        deletedAt: null,
        deletionConfirmed: false,
        toldBy: 'webhook',
        isLive: true,
        event: null,
        quotedKey: null,
        reactions: [],
        createdAt: at,
        updatedAt: at,
        ...given,
      });
      key('message', row.providerMessageId ?? id, id);
      if (!conversation.lastMessageAt || row.sentAt >= conversation.lastMessageAt)
        Object.assign(conversation, { lastMessageId: id, lastMessageAt: row.sentAt });
      return row;
    },
    attachment: (message, given) =>
      make(Attachment, {
        id: newId(),
        ...own,
        messageId: message.id,
        key: newId(),
        kind: 'image',
        mimeType: 'image/jpeg',
        fileName: null,
        size: null,
        width: null,
        height: null,
        durationMs: null,
        isVoice: false,
        unavailable: false,
        source: null,
        createdAt: at,
        ...given,
      }),
  });
  // Rows before those that refer to them.
  for (const entity of [Attendee, Conversation, ConversationAttendee, ProviderKey, Message, Attachment]) {
    em.persist(made.filter((one) => one instanceof entity));
    await em.flush();
  }
  return result;
}
