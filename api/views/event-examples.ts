import type { EventData, EventType } from '../../domain/events.ts';

const idOf = (n: number): string => `0197c0de-7d6e-7b1c-9f4e-2a5d8c3b1f${n.toString(16).padStart(2, '0')}`;
const eventId = '000000000850-0000000004b1';
const accountId = idOf(0);
const at = '2026-05-04T10:00:00.000Z';

const ofMessage = { message_id: idOf(1), conversation_id: idOf(2) };
const [contactId, stepId, syncId, attendeeId] = [idOf(3), idOf(4), idOf(5), idOf(6)];

const ofBulk = {
  bulk_id: idOf(7),
  operation: 'reconnect',
  counts: { total: 40, waiting: 24, asked: 16, done: 0, failed: 0, skipped: 0 },
} as const;

const data: EventData = {
  'account.created': { state: 'connecting' },
  'account.state_changed': { state: 'reconnect_required', reason: 'login_lost', who: 'owner', before: 'active' },
  'account.action_required': {
    state: 'reconnect_required',
    reason: 'login_lost',
    who: 'owner',
    reminder: false,
    reminders: 0,
    what_to_do: 'Log in again: reconnect the account.',
    ends_at: null,
  },
  'account.updated': { changed: ['label'] },
  'account.attempt_started': { attempt: 1, operation: 'connect' },
  'account.step_changed': { attempt: 1, step_id: stepId, kind: 'qr' },
  'account.attempt_ended': { attempt: 1, operation: 'connect', state: 'succeeded', reason: null },
  'conversation.created': { conversation_id: ofMessage.conversation_id, kind: 'person' },
  'conversation.updated': { conversation_id: ofMessage.conversation_id, unread_count: 0, changed: ['read_up_to'] },
  'conversation.removed': { conversation_id: ofMessage.conversation_id },
  'message.created': { ...ofMessage, direction: 'in', status: 'delivered', history: false },
  'message.updated': { ...ofMessage, status: 'read', changed: ['status'] },
  'message.reactions_changed': ofMessage,
  'message.receipt': { ...ofMessage, attendee_id: attendeeId, status: 'read' },
  'message.removed': ofMessage,
  'contact.created': { contact_ids: [contactId] },
  'contact.updated': { contact_id: contactId, changed: ['name'] },
  'contact.removed': { contact_id: contactId },
  'sync.started': { sync_id: syncId, kind: 'contacts', state: 'running' },
  'sync.updated': { sync_id: syncId, kind: 'conversations', state: 'running', paused: true },
  'sync.ended': { sync_id: syncId, kind: 'contacts', state: 'succeeded', reason: null },
  'bulk.started': { ...ofBulk, state: 'preparing', counts: {} },
  'bulk.updated': { ...ofBulk, state: 'running' },
  'bulk.ended': { ...ofBulk, state: 'cancelled', reason: null },
};

/** An event of a type, as the feed shows it. */
export const eventExample = (type: EventType): object => ({
  id: eventId,
  type,
  account_id: type.startsWith('bulk.') ? null : accountId,
  at,
  data: data[type],
});

/** The body that an endpoint gets of it. */
export const webhookExample = (type: EventType) => ({ type, timestamp: at, data: eventExample(type) });
