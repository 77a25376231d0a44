import { mergeExtras, type DeliveryFailure, type MessageExtras, type MessagePricing } from './message-extras.ts';

/**
 * How far a message has come. A later one replaces an earlier one, never the other way: `failed` loses to any proof of
 * arrival. `unclear`: nobody can tell whether the provider took it.
 */
export const messageStatuses = [
  'queued',
  'sending',
  'unclear',
  'failed',
  'sent',
  'delivered',
  'read',
  'played',
] as const;
export type MessageStatus = (typeof messageStatuses)[number];

export const laterStatus = (one: MessageStatus, other: MessageStatus): MessageStatus =>
  messageStatuses.indexOf(other) > messageStatuses.indexOf(one) ? other : one;

/** A text that a message had. */
export interface TextVersion {
  text: string | null;
  /** When it was edited to this text, in milliseconds since the epoch; null: as it was sent. */
  at: number | null;
}

/** One person's reaction to a message; null where it was taken back. */
export interface Reaction {
  /** The attendee. */
  by: string;
  emoji: string | null;
  at: number;
}

/** Who told of a message: an unsigned webhook, our own send, the provider when it was read, or a webhook that it signed. */
const tellers = ['webhook', 'us', 'provider', 'signed'] as const;
export type Teller = (typeof tellers)[number];

/** Whether what is told comes from the provider for certain. */
export const isCertain = (teller: Teller): boolean => teller === 'provider' || teller === 'signed';

/** A message as it is known: the same whatever the order in which its events came. */
export interface MessageState {
  direction: 'in' | 'out' | null;
  senderId: string | null;
  /** Every text that it had; empty once its deletion is confirmed. */
  versions: readonly TextVersion[];
  /** Without the failure that the provider told later: see `shownStatus`. */
  status: MessageStatus;
  /** Milliseconds since the epoch. */
  sentAt: number;
  sentAtKnown: boolean;
  editedAt: number | null;
  deletedAt: number | null;
  deletionConfirmed: boolean;
  toldBy: Teller;
  isLive: boolean;
  event: string | null;
  quotedKey: string | null;
  reactions: readonly Reaction[];
  extras: MessageExtras;
}

/** What happens to a message after it was sent. Times are milliseconds since the epoch. */
export type MessageEffect =
  | { kind: 'edit'; text: string | null; at: number }
  | { kind: 'delete'; at: number; confirmed: boolean }
  /** `by`: the attendee that it reached, in a group. */
  | ({ kind: 'status'; status: MessageStatus; by: string | null; at: number } & DeliveryNews)
  | { kind: 'reaction'; emoji: string | null; by: string; at: number };

/** What a status has beside itself. A failure is of a message that the provider had taken. */
export interface DeliveryNews {
  failure?: DeliveryFailure;
  pricing?: MessagePricing;
}

/** How far a message has come: a failure that the provider told loses to any proof of arrival. */
export const shownStatus = ({ status, extras }: Pick<MessageState, 'status' | 'extras'>): MessageStatus =>
  extras.failure && !hasArrived(status) ? 'failed' : status;

const isAtLeast = (status: MessageStatus, other: MessageStatus): boolean =>
  messageStatuses.indexOf(status) >= messageStatuses.indexOf(other);
const hasArrived = (status: MessageStatus): boolean => isAtLeast(status, 'delivered');

/** What a provider told of a conversation of two: what was sent up to these times, in milliseconds since the epoch, has come so far. */
export interface Watermarks {
  delivered: number | null;
  read: number | null;
}

/** A message with what the watermarks of its conversation tell of it. One whose time is ours may be younger than they say. */
export function withWatermarks(state: MessageState, { delivered, read }: Watermarks): MessageState {
  const { direction, event, sentAt, sentAtKnown, status } = state;
  if (direction !== 'out' || event !== null || !sentAtKnown || !isAtLeast(status, 'sent')) return state;
  const reached =
    read !== null && sentAt <= read ? 'read' : delivered !== null && sentAt <= delivered ? 'delivered' : null;
  return reached && !isAtLeast(status, reached) ? { ...state, status: reached } : state;
}

/** The text that counts: the newest edit by the provider's time, else the one that was sent. */
export function shownText({ versions, deletedAt }: MessageState): string | null {
  if (deletedAt !== null) return null;
  return (
    versions.reduce<TextVersion | null>((best, one) => (best && !isNewer(one, best) ? best : one), null)?.text ?? null
  );
}

const isNewer = (one: TextVersion, other: TextVersion): boolean =>
  one.at === other.at ? (one.text ?? '') > (other.text ?? '') : (one.at ?? 0) > (other.at ?? 0);

/** Whether a message counts as unread until its conversation is read up to it. */
export const isNews = ({ direction, isLive, deletedAt, event }: MessageState): boolean =>
  direction === 'in' && isLive && deletedAt === null && event === null;

/** Whether a message shows that its conversation was read until then: the owner wrote it, and it went out. */
export const showsReading = ({ direction, status, event, sentAtKnown }: MessageState): boolean =>
  direction === 'out' && event === null && sentAtKnown && isAtLeast(status, 'sent');

/** Two accounts of one message as one; the order does not matter. */
export function mergeMessages(one: MessageState, other: MessageState): MessageState {
  const [first, second] = isBetter(one, other) ? [one, other] : [other, one];
  const [known = first] = [one, other]
    .filter(({ sentAtKnown }) => sentAtKnown === (one.sentAtKnown || other.sentAtKnown))
    .toSorted((a, b) => rankOf(b) - rankOf(a) || a.sentAt - b.sentAt);
  const state: MessageState = {
    direction: first.direction ?? second.direction,
    senderId: first.senderId ?? second.senderId,
    versions: mergeVersions(first, second),
    status: laterStatus(one.status, other.status),
    sentAt: known.sentAt,
    sentAtKnown: known.sentAtKnown,
    editedAt: latest(one.editedAt, other.editedAt),
    deletedAt: earliest(one.deletedAt, other.deletedAt),
    deletionConfirmed: one.deletionConfirmed || other.deletionConfirmed,
    toldBy: first.toldBy,
    isLive: one.isLive || other.isLive,
    event: first.event ?? second.event,
    quotedKey: first.quotedKey ?? second.quotedKey,
    reactions: [...one.reactions, ...other.reactions].reduce(withReaction, []),
    extras: mergeExtras(first.extras, second.extras),
  };
  return withoutDeletedText(state);
}

const rankOf = ({ toldBy }: MessageState): number => tellers.indexOf(toldBy);

/** Of two that were told alike, the one with the lesser content: any rule will do that knows no order. */
const isBetter = (one: MessageState, other: MessageState): boolean => {
  const difference = rankOf(one) - rankOf(other);
  if (difference) return difference > 0;
  return contentOf(one) <= contentOf(other);
};

const contentOf = ({ direction, senderId, event, quotedKey, versions }: MessageState): string =>
  JSON.stringify([direction, senderId, event, quotedKey, versions.filter(({ at }) => at === null)]);

function mergeVersions(first: MessageState, second: MessageState): TextVersion[] {
  const [original = second.versions.find(({ at }) => at === null)] = first.versions.filter(({ at }) => at === null);
  const edits = [...first.versions, ...second.versions].filter(({ at }) => at !== null);
  const named = new Map(edits.map((one) => [`${one.at}:${one.text}`, one]));
  const sorted = [...named.values()].toSorted((a, b) => (isNewer(a, b) ? 1 : -1));
  return original ? [original, ...sorted] : sorted;
}

function withReaction(reactions: readonly Reaction[], one: Reaction): Reaction[] {
  const known = reactions.find(({ by }) => by === one.by);
  const others = reactions.filter(({ by }) => by !== one.by);
  const newer = known && (known.at > one.at || (known.at === one.at && (known.emoji ?? '') >= (one.emoji ?? '')));
  return [...others, newer ? known : one].toSorted((a, b) => (a.by < b.by ? -1 : 1));
}

/** A confirmed deletion takes the texts with it, those of later edits too. */
const withoutDeletedText = (state: MessageState): MessageState =>
  state.deletedAt !== null && state.deletionConfirmed
    ? { ...state, versions: [], extras: withoutContext(state.extras) }
    : state;

const withoutContext = ({ failure, pricing }: MessageExtras): MessageExtras => ({
  ...(failure && { failure }),
  ...(pricing && { pricing }),
});

export function applyEffect(state: MessageState, effect: MessageEffect): MessageState {
  switch (effect.kind) {
    case 'edit': {
      const version = { text: effect.text, at: effect.at };
      const versions = mergeVersions(state, { ...state, versions: [version] });
      return withoutDeletedText({ ...state, versions, editedAt: latest(state.editedAt, effect.at) });
    }
    case 'delete':
      return withoutDeletedText({
        ...state,
        deletedAt: earliest(state.deletedAt, effect.at),
        deletionConfirmed: state.deletionConfirmed || effect.confirmed,
      });
    case 'status':
      return withStatus(state, effect);
    case 'reaction':
      return {
        ...state,
        reactions: withReaction(state.reactions, { by: effect.by, emoji: effect.emoji, at: effect.at }),
      };
  }
}

function withStatus(
  state: MessageState,
  { status, at, failure, pricing }: Extract<MessageEffect, { kind: 'status' }>,
): MessageState {
  const told = { ...(failure && { failure: { ...failure, at } }), ...(pricing && { pricing: { ...pricing, at } }) };
  return {
    ...state,
    // What could not be delivered had been taken.
    status: laterStatus(state.status, failure ? 'sent' : status),
    extras: failure || pricing ? mergeExtras(state.extras, told) : state.extras,
  };
}

const latest = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);
const earliest = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);
