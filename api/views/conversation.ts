import { z } from 'zod';
import { channelNames } from '../../domain/channels.ts';
import { windowOf, type WindowState } from '../../domain/conversation-window.ts';
import { changedFields, changeStates } from '../../domain/conversations.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { ConversationChange } from '../../db/entities/conversations.ts';
import type { Coverage } from '../../db/queries/syncs/conversation-history.ts';
import type { Context } from '../../services/context.ts';
import type { ConversationDetails } from '../../services/conversations/describe-conversations.ts';
import type { MessageDetails } from '../../services/messages/describe-messages.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { personContact, personContactView, pictureAddress } from './attendee.ts';
import { failureReason } from './failure-reason.ts';
import { direction, displayAnswer, displayView } from './message.ts';

const lastMessage = z
  .object({
    id: z.string(),
    text: z.string().nullable(),
    display: displayAnswer,
    direction,
    sent_at: time,
    deleted: z.boolean(),
    attachment: z.string().nullable().describe('The kind of its first file.'),
    event: z.string().nullable(),
  })
  .meta({ id: 'LastMessage' });

const history = z
  .object({
    newest_at_provider: time.nullable().describe('The newest message there, when the provider last told.'),
    from: time.nullable().describe('What the provider has between from and to is here; null: nothing was read yet.'),
    to: time.nullable(),
    coverage: z
      .number()
      .min(0)
      .max(1)
      .describe('The part of the time from the first message read to the newest one there.'),
  })
  .meta({ id: 'ConversationHistory' });

const change = z
  .object({
    field: z.enum(changedFields),
    state: z
      .enum(changeStates)
      .describe(
        'Whether the provider has the change: pending is told as soon as the provider can be, local has no such field there, failed was refused and stays here.',
      ),
    reason: failureReason.nullable(),
    what_to_do: z.string().nullable(),
    detail: z.string().nullable().describe("The provider's own words."),
    requested_at: time,
    synced_at: time.nullable(),
    next_try_at: time.nullable().describe('While it is pending; null: as soon as the account works.'),
  })
  .meta({ id: 'ConversationFieldChange' });

export const conversationAnswer = z
  .object({
    id: z.string(),
    account_id: z.string(),
    channel: z.enum(channelNames),
    provider_conversation_id: z.string(),
    kind: z.enum(['person', 'group', 'channel']),
    name: z.string().describe("The name to show: of a person the contact's, of a group its own."),
    picture_url: z
      .string()
      .nullable()
      .describe('An address of this API, which takes the same key; null: no picture is known.'),
    attendee: z.string().nullable().describe('The person of a conversation with one.'),
    contact: personContact.nullable().describe('What is known of this person.'),
    last_message: lastMessage.nullable(),
    unread_count: z.number().int().describe('Messages of others since the account last read here, or wrote here.'),
    marked_unread: z.boolean().describe('Marked as unread by hand.'),
    muted: z.boolean(),
    muted_until: time.nullable().describe('Null while muted: for ever.'),
    archived: z.boolean(),
    pinned: z.boolean(),
    read_only: z.boolean().describe('Nothing can be sent.'),
    window: z
      .object({
        is_open: z.boolean().nullable().describe('Null: it is not known when the person last wrote.'),
        open_until: time.nullable().describe('When it closes, or closed.'),
      })
      .nullable()
      .describe('For how long the conversation takes every message; null where it always does.'),
    labels: z.array(z.string()),
    changes: z.array(change).describe('The fields that were changed here, and whether the provider has their change.'),
    history: history.nullable().describe('Null where the provider was not asked, or keeps no history.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Conversation' });

export type ConversationView = z.input<typeof conversationAnswer>;

export const conversationView =
  ({ publicUrl, providers }: Pick<Context, 'publicUrl' | 'providers'>, now: Date) =>
  ({
    conversation,
    channel,
    name,
    person,
    lastMessage: last,
    coverage,
    ...more
  }: ConversationDetails): ConversationView => {
    const { mutedUntil } = conversation;
    const muted = conversation.muted && (mutedUntil === null || mutedUntil > now);
    return {
      id: conversation.id,
      account_id: conversation.accountId,
      channel,
      provider_conversation_id: conversation.providerConversationId,
      kind: conversation.kind,
      name,
      picture_url: person ? pictureAddress(publicUrl, person) : groupPictureAddress(publicUrl, conversation),
      attendee: person?.attendee.id ?? null,
      contact: person && personContactView(person),
      last_message: last && lastMessageView(last),
      unread_count: conversation.unreadCount,
      marked_unread: conversation.markedUnread,
      muted,
      muted_until: muted ? wireTimeOrNull(mutedUntil) : null,
      archived: conversation.archived,
      pinned: conversation.pinned,
      read_only: conversation.readOnly,
      window: windowView(
        windowOf(providers[more.provider]?.messages?.capabilities[channel] ?? {}, conversation.lastActionAt, now),
      ),
      labels: conversation.labels,
      changes: more.changes.map((one) => changeView(one, more.isConnected)),
      history: coverage && historyView(coverage),
      created_at: wireTime(conversation.createdAt),
      updated_at: wireTime(conversation.updatedAt),
    };
  };

const windowView = (state: WindowState | null): ConversationView['window'] =>
  state && { is_open: state.isOpen, open_until: wireTimeOrNull(state.openUntil) };

function changeView(
  { field, state, reason, detail, requestedAt, syncedAt, nextTryAt }: ConversationChange,
  isConnected: boolean,
): z.input<typeof change> {
  const waits = state === 'pending' && !isConnected;
  const code = waits ? 'not_connected' : reason === null ? null : asFailureCode(reason);
  return {
    field,
    state,
    reason: code,
    what_to_do: code && failureRow(code).whatToDo,
    detail: waits ? null : detail,
    requested_at: wireTime(requestedAt),
    synced_at: wireTimeOrNull(syncedAt),
    next_try_at: state === 'pending' && !waits ? wireTime(nextTryAt) : null,
  };
}

/** A group whose picture was not asked for yet may have none. */
const groupPictureAddress = (
  publicUrl: string,
  { id, kind, pictureMediaId, pictureSource }: ConversationDetails['conversation'],
): string | null =>
  kind !== 'person' && (pictureMediaId || pictureSource) ? `${publicUrl}/api/v1/conversations/${id}/picture` : null;

function historyView({ providerNewestAt, coveredFrom, coveredTo }: Coverage): z.input<typeof history> {
  const [newest, from, to] = [providerNewestAt, coveredFrom, coveredTo].map((one) =>
    one === null ? null : new Date(one),
  );
  return {
    newest_at_provider: wireTimeOrNull(newest ?? null),
    from: wireTimeOrNull(from ?? null),
    to: wireTimeOrNull(to ?? null),
    coverage: partCovered(newest ?? null, from ?? null, to ?? null),
  };
}

function partCovered(newest: Date | null, from: Date | null, to: Date | null): number {
  if (!from || !to) return 0;
  if (!newest || newest <= to) return 1;
  return Math.max(to.getTime() - from.getTime(), 0) / Math.max(newest.getTime() - from.getTime(), 1);
}

const lastMessageView = ({ message, display, attachments }: MessageDetails): z.input<typeof lastMessage> => ({
  id: message.id,
  text: message.text,
  display: displayView(display),
  direction: message.direction,
  sent_at: wireTime(message.sentAt),
  deleted: message.deletedAt !== null,
  attachment: attachments[0]?.kind ?? null,
  event: message.event,
});
