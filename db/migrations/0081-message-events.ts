import { Migration } from '@mikro-orm/migrations';
import { differs, recordEvents, type EventSource } from './event-sources.ts';

/** Events of messages, receipts, reactions and conversations. */
export class MessageEvents extends Migration {
  override up(): void {
    for (const source of sources) this.addSql(recordEvents(source));
  }
}

const message = { message_id: 'n.id', conversation_id: 'n.conversation_id' };
const receipt = {
  join: 'join messages m on m.id = n.message_id',
  account: 'm.account_id',
};
const receiptData = {
  message_id: 'n.message_id',
  conversation_id: 'm.conversation_id',
  attendee_id: 'n.attendee_id',
  status: 'n.status',
};

const sources: readonly EventSource[] = [
  {
    table: 'messages',
    on: 'insert',
    events: [
      {
        type: 'message.created',
        data: { ...message, direction: 'n.direction', status: 'n.status', history: 'not n.is_live' },
      },
    ],
  },
  {
    table: 'messages',
    on: 'update',
    events: [
      {
        type: 'message.updated',
        data: { ...message, status: 'n.status' },
        changed: {
          text: 'text',
          status: 'status',
          deleted: 'deleted_at',
          conversation: 'conversation_id',
          provider_message_id: 'provider_message_id',
          direction: 'direction',
          sender: 'sender_id',
          sent_at: 'sent_at',
          event: 'event',
        },
      },
      { type: 'message.reactions_changed', when: differs('reactions'), data: message },
    ],
  },
  { table: 'messages', on: 'delete', events: [{ type: 'message.removed', data: message }] },
  { table: 'message_receipts', on: 'insert', ...receipt, events: [{ type: 'message.receipt', data: receiptData }] },
  {
    table: 'message_receipts',
    on: 'update',
    ...receipt,
    events: [{ type: 'message.receipt', when: differs('status'), data: receiptData }],
  },
  {
    table: 'conversations',
    on: 'insert',
    events: [{ type: 'conversation.created', data: { conversation_id: 'n.id', kind: 'n.kind' } }],
  },
  {
    table: 'conversations',
    on: 'update',
    events: [
      {
        type: 'conversation.updated',
        data: { conversation_id: 'n.id', unread_count: 'n.unread_count' },
        changed: {
          name: 'name',
          read_up_to: 'read_up_to',
          marked_unread: 'marked_unread',
          muted: 'muted',
          muted_until: 'muted_until',
          archived: 'archived',
          pinned: 'pinned',
          read_only: 'read_only',
          labels: 'labels',
          picture: 'picture_media_id',
        },
      },
    ],
  },
  {
    table: 'conversations',
    on: 'delete',
    events: [{ type: 'conversation.removed', data: { conversation_id: 'n.id' } }],
  },
];
