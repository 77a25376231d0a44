import type { LoadedAttendee, LoadedConversation, LoadedMessage } from '../../db/queries/messages/load.ts';
import type { WrittenAttendee, WrittenConversation, WrittenMessage } from '../../db/queries/messages/write.ts';
import { shownStatus, shownText, withWatermarks, type MessageState } from '../../domain/messages.ts';
import type { SeenConversation, SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import type { Group } from './key-groups.ts';

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));
const msOf = (text: string | null): number | null => (text === null ? null : Date.parse(text));
const dateAt = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** The least of some texts: a choice that knows no order. */
export const least = (texts: readonly (string | null)[]): string | null =>
  texts.reduce((best, one) => (best === null || (one !== null && one < best) ? one : best), null);

export function loadedState(row: LoadedMessage): MessageState {
  const { text, versions, deletedAt } = row;
  // A row with one text does not repeat it as a version.
  const isPlain = versions.length === 0 && deletedAt === null;
  return {
    direction: row.direction,
    senderId: row.senderId,
    versions: isPlain ? [{ text, at: null }] : versions,
    // The failure is shown in place of how far the message had come.
    status: row.status === 'failed' && row.extras?.failure ? 'sent' : row.status,
    sentAt: Date.parse(row.sentAt),
    sentAtKnown: row.sentAtKnown,
    editedAt: msOf(row.editedAt),
    deletedAt: msOf(deletedAt),
    deletionConfirmed: row.deletionConfirmed,
    toldBy: row.toldBy,
    isLive: row.isLive,
    event: row.event,
    quotedKey: row.quotedKey,
    reactions: row.reactions,
    extras: row.extras ?? {},
  };
}

/** A message with what its row has beside its state. */
export interface OpenMessage {
  group: Group;
  conversationId: string;
  providerMessageId: string | null;
  sortKey: string;
  /** Null for a new one. */
  before: MessageState | null;
  /** The row's own, before. */
  idBefore: string | null;
  state: MessageState;
}

/** A message that is here, and that no fact is about. */
export function openMessage(row: LoadedMessage, tenantId: string): OpenMessage {
  const { id, accountId, conversationId, providerMessageId, sortKey } = row;
  const state = loadedState(row);
  const group = { accountId, tenantId, id, keys: new Set<string>(), losers: [], exists: true, isNew: false };
  return {
    group: { ...group, kind: 'message' },
    conversationId,
    providerMessageId,
    idBefore: providerMessageId,
    sortKey,
    before: state,
    state,
  };
}

/** What the watermarks of its conversation tell of a message. */
export function reach(message: OpenMessage, conversation: OpenConversation | undefined): void {
  const { deliveredUpTo, seenUpTo } = conversation?.row ?? {};
  const marked = { delivered: deliveredUpTo?.getTime() ?? null, read: seenUpTo?.getTime() ?? null };
  message.state = withWatermarks(message.state, marked);
}

export function writtenMessage({ group, before, state, ...ids }: OpenMessage): WrittenMessage {
  const { versions, deletedAt } = state;
  const isPlain = deletedAt === null && versions.length === 1 && versions[0]?.at === null;
  return {
    id: group.id,
    tenantId: group.tenantId,
    accountId: group.accountId,
    conversationId: ids.conversationId,
    providerMessageId: ids.providerMessageId,
    sortKey: ids.sortKey,
    direction: state.direction,
    senderId: state.senderId,
    text: shownText(state),
    versions: isPlain ? [] : [...versions],
    status: shownStatus(state),
    sentAt: new Date(state.sentAt),
    sentAtKnown: state.sentAtKnown,
    editedAt: dateAt(state.editedAt),
    deletedAt: dateAt(deletedAt),
    deletionConfirmed: state.deletionConfirmed,
    toldBy: state.toldBy,
    isLive: state.isLive,
    event: state.event,
    quotedKey: state.quotedKey,
    reactions: [...state.reactions],
    extras: Object.keys(state.extras).length ? state.extras : null,
    isNew: before === null,
  };
}

/** A conversation whose row may change. */
export interface OpenConversation {
  row: WrittenConversation;
  /** Of the last message. */
  lastSortKey: string | null;
  changed: boolean;
  /** What is unread, and the last message, are found anew once all is written. */
  recount: boolean;
}

export function openConversation({ lastSortKey, ...row }: LoadedConversation): OpenConversation {
  return {
    row: {
      ...row,
      lastMessageAt: dateOf(row.lastMessageAt),
      readUpTo: dateOf(row.readUpTo),
      mutedUntil: dateOf(row.mutedUntil),
      lastActionAt: dateOf(row.lastActionAt),
      deliveredUpTo: dateOf(row.deliveredUpTo),
      seenUpTo: dateOf(row.seenUpTo),
      isNew: false,
    },
    lastSortKey,
    changed: false,
    recount: false,
  };
}

export const newConversation = (
  { id, accountId, tenantId, keys }: Group,
  told: ToldConversation,
): OpenConversation => ({
  row: {
    id,
    accountId,
    tenantId,
    providerConversationId: told.keys[0] ?? least([...keys]) ?? '',
    kind: told.kind ?? 'person',
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
    pictureSource: null,
    toldAt: {},
    lastActionAt: null,
    deliveredUpTo: null,
    seenUpTo: null,
    isNew: true,
  },
  lastSortKey: null,
  changed: true,
  recount: false,
});

/** Times of a conversation that never go back. */
export const marks = ['lastActionAt', 'deliveredUpTo', 'seenUpTo'] as const;

export function raise(open: OpenConversation, mark: (typeof marks)[number], at: Date): void {
  const known = open.row[mark];
  if (known && known >= at) return;
  open.row = { ...open.row, [mark]: at };
  open.changed = true;
}

/** A conversation's row with what was told of it. What was left out stays. */
export const withTold = (row: WrittenConversation, told: ToldConversation): WrittenConversation => ({
  ...row,
  name: told.name ?? row.name,
  archived: told.archived ?? row.archived,
  pinned: told.pinned ?? row.pinned,
  markedUnread: told.markedUnread ?? row.markedUnread,
  readOnly: told.readOnly ?? row.readOnly,
  pictureSource: row.pictureSource ?? told.pictureSource ?? null,
  ...(told.mutedUntil !== undefined && mutedBy(told.mutedUntil)),
});

const mutedBy = (
  until: NonNullable<SeenConversation['mutedUntil']> | null,
): { muted: boolean; mutedUntil: Date | null } => ({
  muted: until !== null,
  mutedUntil: typeof until === 'number' ? new Date(until) : null,
});

export const newAttendee = (
  { id, accountId, tenantId, keys }: Group,
  { keys: [first] }: Pick<SeenPerson, 'keys'>,
  profileDue = false,
): WrittenAttendee => ({
  id,
  accountId,
  tenantId,
  providerAttendeeId: first ?? least([...keys]) ?? '',
  name: null,
  namedAt: null,
  phoneNumber: null,
  isSelf: false,
  pictureUrl: null,
  pictureSource: null,
  profileDue,
  isNew: true,
});

export const knownAttendee = (group: Group, row: LoadedAttendee): WrittenAttendee => ({
  ...newAttendee(group, { keys: [] }),
  ...row,
  namedAt: dateOf(row.namedAt),
  isNew: false,
});

/** An attendee's row with what was told of the person at a time: the newest name counts. */
export function withPerson(row: WrittenAttendee, person: SeenPerson, at: Date): WrittenAttendee {
  const next = {
    ...row,
    phoneNumber: row.phoneNumber ?? person.phone,
    isSelf: row.isSelf || person.isSelf === true,
    pictureUrl: person.pictureUrl ?? row.pictureUrl,
    // The first one stays: a person may be named by two addresses in turn, and either leads to the picture.
    pictureSource: row.pictureSource ?? person.pictureSource,
  };
  const { name } = person;
  if (name === null) return next;
  const since = row.namedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  // A repeated name needs no write.
  if (name === row.name && at.getTime() >= since) return next;
  const isNewer = at.getTime() > since || (at.getTime() === since && name > (row.name ?? ''));
  return isNewer ? { ...next, name, namedAt: at } : next;
}
