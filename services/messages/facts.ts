import {
  isCertain,
  type DeliveryNews,
  type MessageEffect,
  type MessageState,
  type MessageStatus,
  type Teller,
} from '../../domain/messages.ts';
import type { DeliveryStatus, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation, WebhookEvent } from '../../domain/webhook-events.ts';

/** What a provider told of an account's conversations, by a webhook or when it was read. */
export interface Fact {
  accountId: string;
  tenantId: string;
  teller: Teller;
  /** News, which counts as unread; history does not. */
  isLive: boolean;
  /** It comes without the names of people, so that those who have none are looked up. */
  lacksNames?: boolean;
  /** When it was received, in milliseconds since the epoch: stands for a time that the provider does not tell. */
  receivedAt: number;
  told: Told;
}

type Told =
  | { kind: 'message'; message: SeenMessage; conversation: ToldConversation }
  | { kind: 'effect'; messageKeys: readonly string[]; effect: ToldEffect }
  /** `at`: since when it is so, in milliseconds since the epoch. */
  | { kind: 'conversation'; conversation: ToldConversation; at: number }
  /** All that was sent up to a time (milliseconds since the epoch) has come so far. */
  | { kind: 'watermark'; conversationKeys: readonly string[]; status: 'delivered' | 'read'; upTo: number };

/** An effect whose person is not an attendee of ours yet. */
type ToldEffect =
  | Exclude<MessageEffect, { kind: 'status' | 'reaction' }>
  | ({ kind: 'status'; status: MessageStatus; by: SeenPerson | null; at: number } & DeliveryNews)
  | { kind: 'reaction'; emoji: string | null; by: SeenPerson | null; at: number };

type Origin = Omit<Fact, 'told'>;

/** The facts of an event; none where it is of something else. */
export function factsOf(event: WebhookEvent, origin: Origin): Fact[] {
  const at = ('at' in event ? event.at : null) ?? origin.receivedAt;
  const effect = (messageKeys: readonly string[], one: ToldEffect): Fact[] =>
    messageKeys.length ? [{ ...origin, told: { kind: 'effect', messageKeys, effect: one } }] : [];
  switch (event.kind) {
    case 'message':
      return event.message.keys.length && event.message.conversationKeys.length
        ? [
            {
              ...origin,
              isLive: origin.isLive && !event.isHistory,
              told: { kind: 'message', message: event.message, conversation: event.conversation },
            },
          ]
        : [];
    case 'receipt':
      return event.status ? effect(event.messageKeys, statusEffect(event, event.status, at)) : [];
    case 'watermark': {
      const { conversationKeys, status, upTo } = event;
      return conversationKeys.length
        ? [{ ...origin, told: { kind: 'watermark', conversationKeys, status, upTo } }]
        : [];
    }
    case 'reaction':
      return effect(event.messageKeys, { kind: 'reaction', emoji: event.emoji, by: event.by, at });
    case 'edit':
      return effect(event.messageKeys, { kind: 'edit', text: event.text, at });
    case 'delete':
      return effect(event.messageKeys, { kind: 'delete', at, confirmed: isCertain(origin.teller) });
    case 'conversation':
      return event.conversations
        .filter(({ keys }) => keys.length > 0)
        .map((conversation) => ({ ...origin, told: { kind: 'conversation', conversation, at } }));
    default:
      return [];
  }
}

const statusEffect = (
  { by, failure, pricing }: Extract<WebhookEvent, { kind: 'receipt' }>,
  status: DeliveryStatus,
  at: number,
): ToldEffect => ({
  kind: 'status',
  status: statusOf(status),
  by,
  at,
  ...(failure && { failure }),
  ...(pricing && { pricing }),
});

const statusOf = (status: DeliveryStatus): MessageStatus => (status === 'pending' ? 'sending' : status);

/** A message as one fact tells it. `senderId`: its attendee. */
export function stateOf(
  { teller, isLive, receivedAt }: Fact,
  message: SeenMessage,
  senderId: string | null,
  reactions: MessageState['reactions'],
): MessageState {
  const { text, editedAt, direction } = message;
  const edited = editedAt === undefined ? null : (editedAt ?? receivedAt);
  const status = message.status ? statusOf(message.status) : direction === 'in' ? 'delivered' : 'sent';
  const confirmed = message.deleted && isCertain(teller);
  return {
    direction,
    senderId,
    versions: confirmed ? [] : [{ text, at: edited }],
    status,
    sentAt: message.sentAt ?? receivedAt,
    sentAtKnown: message.sentAt !== null,
    editedAt: edited,
    deletedAt: message.deleted ? receivedAt : null,
    deletionConfirmed: confirmed,
    toldBy: teller,
    isLive,
    event: message.event ?? null,
    quotedKey: message.quotedKey,
    reactions,
    extras: message.context && !confirmed ? { context: message.context } : {},
  };
}

export const peopleOf = ({ told }: Fact): SeenPerson[] => {
  if (told.kind === 'conversation')
    return [...(told.conversation.attendees ?? []), ...(told.conversation.departed ?? [])];
  if (told.kind === 'effect') return 'by' in told.effect && told.effect.by ? [told.effect.by] : [];
  if (told.kind === 'watermark') return [];
  const { message, conversation } = told;
  return [
    ...(message.sender ? [message.sender] : []),
    ...(conversation.attendees ?? []),
    ...message.reactions.map(({ by }) => by),
  ];
};

/** When what a fact tells of people was so, in milliseconds since the epoch. */
export const timeOf = ({ told, receivedAt }: Fact): number => {
  if (told.kind === 'conversation') return told.at;
  return (told.kind === 'message' ? told.message.sentAt : null) ?? receivedAt;
};

export const conversationKeysOf = ({ told }: Fact): readonly string[] => {
  if (told.kind === 'effect') return [];
  if (told.kind === 'watermark') return told.conversationKeys;
  if (told.kind === 'conversation') return told.conversation.keys;
  return [...told.message.conversationKeys, ...told.conversation.keys];
};

/** Whether a fact tells something of a conversation that callers change, too. */
export function tellsState({ told }: Fact): boolean {
  if (told.kind === 'effect' || told.kind === 'watermark') return false;
  const { archived, pinned, mutedUntil, markedUnread, unreadCount } = told.conversation;
  return [archived, pinned, mutedUntil, markedUnread].some((word) => word !== undefined) || unreadCount === 0;
}
