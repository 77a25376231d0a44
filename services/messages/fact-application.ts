import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Departure } from '../../db/queries/messages/departures.ts';
import type { Loaded } from '../../db/queries/messages/load.ts';
import type { WrittenAttendee, WrittenConversation, Writing } from '../../db/queries/messages/write.ts';
import {
  applyEffect,
  isNews,
  laterStatus,
  mergeMessages,
  showsReading,
  type MessageEffect,
  type MessageState,
} from '../../domain/messages.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { newId } from '../../platform/ids.ts';
import { conversationKeysOf, peopleOf, stateOf, timeOf, type Fact } from './facts.ts';
import type { Group, KeyGroups } from './key-groups.ts';
import { newestWords, timesWith, wordsOf } from './newest-words.ts';
import type { OwnChanges } from './own-changes.ts';
import {
  knownAttendee,
  least,
  loadedState,
  newAttendee,
  marks,
  newConversation,
  openConversation,
  openMessage,
  raise,
  reach,
  withPerson,
  withTold,
  writtenMessage,
  type OpenConversation,
  type OpenMessage,
} from './rows.ts';

/** Stands for a person that an event does not tell. */
const unknownPerson = '00000000-0000-0000-0000-000000000000';

/** Facts being applied to the rows that they change. */
export class FactApplication {
  readonly #groups: KeyGroups;
  readonly #loaded: Loaded;
  readonly #messages = new Map<string, OpenMessage>();
  readonly #conversations = new Map<string, OpenConversation>();
  readonly #attendees = new Map<string, { row: WrittenAttendee; changed: boolean }>();
  readonly #members = new Map<string, Writing['members'][number]>();
  readonly #departures = new Map<string, Departure>();
  readonly #receipts = new Map<string, Writing['receipts'][number]>();
  readonly #attachments = new Map<string, Writing['attachments'][number]>();
  readonly #effects: Writing['effects'][number][] = [];

  readonly #own: OwnChanges;
  /** Of conversations that turned out to be another one, that one. */
  readonly #survivors: ReadonlyMap<string, string>;

  constructor(groups: KeyGroups, loaded: Loaded, own: OwnChanges) {
    this.#groups = groups;
    this.#loaded = loaded;
    this.#own = own;
    for (const group of groups.all('message')) this.#open(group);
    const survivors = new Map(
      groups.all('conversation').flatMap(({ id, losers }) => losers.map((loser) => [loser, id])),
    );
    this.#survivors = survivors;
    const conversations = loaded.conversations.map(openConversation);
    for (const open of conversations) if (!survivors.has(open.row.id)) this.#conversations.set(open.row.id, open);
    for (const { row } of conversations) {
      const survivor = this.#conversations.get(survivors.get(row.id) ?? '');
      if (survivor) this.#joinConversation(survivor, row);
    }
    this.#openMarked();
    const attendees = new Map(groups.all('attendee').map((group) => [group.id, group]));
    for (const row of loaded.attendees) {
      const group = attendees.get(row.id);
      if (group) this.#attendees.set(row.id, { row: knownAttendee(group, row), changed: false });
    }
  }

  #open(group: Group): void {
    const ids = new Set([group.id, ...group.losers]);
    const found = this.#loaded.messages.filter(({ id }) => ids.has(id));
    const own = found.find(({ id }) => id === group.id);
    if (!own) return;
    const state = found.map(loadedState).reduce(mergeMessages);
    this.#messages.set(group.id, {
      group,
      conversationId: own.conversationId,
      providerMessageId: least(found.map(({ providerMessageId }) => providerMessageId)),
      sortKey: least(found.map(({ sortKey }) => sortKey)) ?? '',
      before: loadedState(own),
      idBefore: own.providerMessageId,
      state,
    });
  }

  /** Messages that no fact is about: a watermark may reach them. */
  #openMarked(): void {
    const opened = new Set([...this.#messages.values()].flatMap(({ group }) => [group.id, ...group.losers]));
    for (const row of this.#loaded.messages) {
      const conversation = this.#conversationOf(row.conversationId);
      if (conversation && !opened.has(row.id)) this.#messages.set(row.id, openMessage(row, conversation.row.tenantId));
    }
  }

  #conversationOf(id: string): OpenConversation | undefined {
    return this.#conversations.get(this.#survivors.get(id) ?? id);
  }

  #attendee(fact: Fact, { keys }: SeenPerson): string | null {
    return this.#groups.of(fact.accountId, 'attendee', keys)?.id ?? null;
  }

  people(fact: Fact): void {
    const at = new Date(timeOf(fact));
    for (const person of peopleOf(fact)) {
      const group = this.#groups.of(fact.accountId, 'attendee', person.keys);
      if (!group) continue;
      const open = this.#attendees.get(group.id) ?? {
        row: newAttendee(group, person, fact.lacksNames === true && isNameless(person)),
        changed: true,
      };
      this.#attendees.set(group.id, open);
      const { row } = open;
      const next = withPerson(row, person, at);
      if (isDeepStrictEqual(next, row)) continue;
      open.row = next;
      open.changed = true;
    }
  }

  message(fact: Fact): void {
    const { told } = fact;
    if (told.kind !== 'message') return;
    const { message } = told;
    const group = this.#groups.of(fact.accountId, 'message', message.keys);
    const conversation = this.#groups.of(fact.accountId, 'conversation', conversationKeysOf(fact));
    if (!group || !conversation) return;
    const sender = message.sender && this.#attendee(fact, message.sender);
    const reactions = message.reactions.map(({ emoji, by }) => ({
      by: this.#attendee(fact, by) ?? unknownPerson,
      emoji,
      at: message.sentAt ?? fact.receivedAt,
    }));
    const state = stateOf(fact, message, sender, reactions);
    const known = this.#messages.get(group.id);
    const sortKey = least([...group.keys]) ?? '';
    this.#messages.set(group.id, {
      group,
      conversationId: known?.conversationId ?? conversation.id,
      providerMessageId: least([known?.providerMessageId ?? null, message.keys[0] ?? null]),
      sortKey: known ? (least([known.sortKey, sortKey]) ?? '') : sortKey,
      before: known?.before ?? null,
      idBefore: known?.idBefore ?? null,
      state: known ? mergeMessages(known.state, state) : state,
    });
    const open = this.#openConversation(conversation, told.conversation, fact);
    if (message.direction === 'in' && message.event === undefined && message.sentAt !== null)
      raise(open, 'lastActionAt', new Date(message.sentAt));
    // The sender alone was a member at that time: reactions come later, and a list of people may be a former one.
    for (const person of peopleOf(fact))
      this.#addMember(fact, conversation.id, person, person === message.sender ? new Date(state.sentAt) : null, false);
    for (const one of message.attachments) {
      const name = `${group.id} ${one.key}`;
      if (this.#attachments.has(name)) continue;
      this.#attachments.set(name, {
        id: newId(),
        tenantId: fact.tenantId,
        accountId: fact.accountId,
        messageId: group.id,
        key: one.key,
        kind: one.kind,
        mimeType: one.mimeType,
        fileName: one.fileName,
        size: one.size,
        width: one.width,
        height: one.height,
        durationMs: one.duration === null ? null : Math.round(one.duration * 1_000),
        isVoice: one.voice,
        unavailable: one.unavailable,
        source: one.source && JSON.stringify(one.source),
      });
    }
  }

  /** Effects that came before their messages. */
  waiting(): void {
    for (const { accountId, key, effect } of this.#loaded.effects) {
      const group = this.#groups.of(accountId, 'message', [key]);
      if (group) this.#apply(group, effect);
    }
  }

  effect(fact: Fact): void {
    const { told } = fact;
    if (told.kind !== 'effect') return;
    const group = this.#groups.of(fact.accountId, 'message', told.messageKeys);
    if (!group) return;
    const effect = this.#withAttendee(fact, told.effect);
    if (this.#messages.has(group.id)) return this.#apply(group, effect);
    const [key = ''] = [...group.keys].toSorted();
    const digest = createHash('sha256').update(JSON.stringify(effect)).digest('base64url');
    this.#effects.push({ accountId: fact.accountId, tenantId: fact.tenantId, key, digest, effect });
  }

  #withAttendee(fact: Fact, effect: Extract<Fact['told'], { kind: 'effect' }>['effect']): MessageEffect {
    if (effect.kind === 'status') return { ...effect, by: effect.by && this.#attendee(fact, effect.by) };
    if (effect.kind === 'reaction')
      return { ...effect, by: (effect.by && this.#attendee(fact, effect.by)) ?? unknownPerson };
    return effect;
  }

  #apply(group: Group, effect: MessageEffect): void {
    const message = this.#messages.get(group.id);
    if (!message) return;
    message.state = applyEffect(message.state, effect);
    if (effect.kind !== 'status' || effect.by === null) return;
    const receipt = {
      messageId: group.id,
      attendeeId: effect.by,
      tenantId: group.tenantId,
      status: effect.status,
      at: new Date(effect.at),
    };
    const name = `${group.id} ${effect.by}`;
    const known = this.#receipts.get(name);
    if (!known || isLaterReceipt(receipt, known)) this.#receipts.set(name, receipt);
  }

  conversation(fact: Fact): void {
    if (fact.told.kind !== 'conversation') return;
    const group = this.#groups.of(fact.accountId, 'conversation', conversationKeysOf(fact));
    if (!group) return;
    const open = this.#openConversation(group, fact.told.conversation, fact);
    const { unreadCount, lastMessageAt, lastActionAt } = fact.told.conversation;
    if (lastActionAt !== undefined) raise(open, 'lastActionAt', new Date(lastActionAt));
    const at = new Date(timeOf(fact));
    if (unreadCount === 0) {
      const upTo = lastMessageAt ?? at.getTime();
      // Times of events may count seconds: what came later in that second is unread.
      readUpTo(open, new Date(isEvent(fact) ? upTo - 1 : upTo));
    }
    const { attendees = [], departed = [] } = fact.told.conversation;
    for (const person of attendees) this.#addMember(fact, group.id, person, at, true);
    for (const person of departed) this.#addDeparture(fact, group.id, person, at);
  }

  watermark(fact: Fact): void {
    if (fact.told.kind !== 'watermark') return;
    const { conversationKeys, status, upTo } = fact.told;
    const group = this.#groups.of(fact.accountId, 'conversation', conversationKeys);
    if (!group) return;
    const open = this.#openConversation(group, { keys: conversationKeys, kind: 'person' }, fact);
    raise(open, status === 'read' ? 'seenUpTo' : 'deliveredUpTo', new Date(upTo));
  }

  /** `isTold`: no message shows that the person was a member then, so the time is kept. */
  #addMember(fact: Fact, conversationId: string, person: SeenPerson, at: Date | null, isTold: boolean): void {
    const attendeeId = this.#attendee(fact, person);
    if (!attendeeId) return;
    const name = `${conversationId} ${attendeeId}`;
    const known = this.#members.get(name);
    const memberAt = latest(known?.memberAt ?? null, at);
    const keepsTime = isTold || known?.isTold === true;
    this.#members.set(name, { conversationId, attendeeId, tenantId: fact.tenantId, memberAt, isTold: keepsTime });
  }

  #addDeparture(fact: Fact, conversationId: string, person: SeenPerson, at: Date): void {
    const attendeeId = this.#attendee(fact, person);
    if (!attendeeId) return;
    const name = `${conversationId} ${attendeeId}`;
    const leftAt = latest(this.#departures.get(name)?.leftAt ?? null, at) ?? at;
    this.#departures.set(name, { conversationId, attendeeId, tenantId: fact.tenantId, leftAt });
  }

  #openConversation(group: Group, told: ToldConversation, fact: Fact): OpenConversation {
    const open = this.#conversations.get(group.id) ?? newConversation(group, told);
    this.#conversations.set(group.id, open);
    this.#tell(open, told, timeOf(fact), isEvent(fact));
    return open;
  }

  #tell(open: OpenConversation, told: ToldConversation, at: number, isEvent: boolean): void {
    const newest = newestWords(open.row, told, at);
    const toldAt = timesWith(open.row, newest, at, isEvent);
    const next = { ...withTold(open.row, this.#own.weigh(open.row, newest, at)), toldAt };
    if (isDeepStrictEqual(next, open.row)) return;
    open.row = next;
    open.changed = true;
  }

  /** Takes over what was told of a conversation that turned out to be the same one. */
  #joinConversation(open: OpenConversation, other: WrittenConversation): void {
    for (const [field, word, at] of wordsOf(other)) this.#tell(open, { keys: [], [field]: word }, at, true);
    if (other.readUpTo) readUpTo(open, other.readUpTo);
    for (const mark of marks) if (other[mark]) raise(open, mark, other[mark]);
  }

  /** What facts made of the rows, once all were applied. */
  result(): { writing: Omit<Writing, 'keys'>; departures: Departure[]; recount: string[] } {
    for (const message of this.#messages.values()) reach(message, this.#conversationOf(message.conversationId));
    const changed = [...this.#messages.values()].filter(
      ({ before, state, idBefore, providerMessageId }) =>
        before === null || idBefore !== providerMessageId || !isDeepStrictEqual(before, state),
    );
    for (const message of changed) this.#count(message);
    const conversations = [...this.#conversations.values()];
    return {
      writing: {
        conversations: conversations.filter((one) => one.changed).map(({ row }) => row),
        attendees: [...this.#attendees.values()].filter((one) => one.changed).map(({ row }) => row),
        members: [...this.#members.values()],
        messages: changed.map(writtenMessage),
        receipts: [...this.#receipts.values()],
        attachments: [...this.#attachments.values()],
        effects: this.#effects,
      },
      departures: [...this.#departures.values()],
      recount: conversations.filter((one) => one.recount).map(({ row }) => row.id),
    };
  }

  /** What a changed message does to its conversation. */
  #count({ group, conversationId, sortKey, before, state }: OpenMessage): void {
    const open = this.#conversations.get(conversationId);
    if (!open) return;
    if (state.direction === 'in' && state.status === 'read') readUpTo(open, new Date(state.sentAt));
    // Incoming messages of the same time stay unread: times may count seconds.
    if (showsReading(state)) readUpTo(open, new Date(state.sentAt - 1));
    const { row } = open;
    const read = row.readUpTo?.getTime() ?? Number.NEGATIVE_INFINITY;
    const counts = (one: MessageState | null): number => (one && isNews(one) && one.sentAt > read ? 1 : 0);
    const difference = counts(state) - counts(before);
    const last = row.lastMessageAt?.getTime() ?? Number.NEGATIVE_INFINITY;
    const isLast =
      state.sentAt > last || (state.sentAt === last && (open.lastSortKey === null || sortKey > open.lastSortKey));
    const wasLast = row.lastMessageId === group.id;
    if (wasLast && before && before.sentAt !== state.sentAt) open.recount = true;
    if (!difference && !isLast) return;
    row.unreadCount = Math.max(0, row.unreadCount + difference);
    open.changed = true;
    if (!isLast) return;
    row.lastMessageId = group.id;
    row.lastMessageAt = new Date(state.sentAt);
    open.lastSortKey = sortKey;
  }
}

const isNameless = ({ name, isSelf }: SeenPerson): boolean => name === null && isSelf !== true;

const isEvent = ({ teller }: Fact): boolean => teller === 'webhook' || teller === 'signed';

/** What is read stays read; what is left unread is counted anew. */
function readUpTo(open: OpenConversation, at: Date): void {
  if (open.row.readUpTo && open.row.readUpTo >= at) return;
  open.row.readUpTo = at;
  open.changed = true;
  open.recount = true;
}

const latest = (one: Date | null, other: Date | null): Date | null =>
  one === null || other === null ? (one ?? other) : one > other ? one : other;

const isLaterReceipt = (one: Writing['receipts'][number], other: Writing['receipts'][number]): boolean => {
  if (one.status === other.status) return one.at < other.at;
  return laterStatus(one.status, other.status) === one.status;
};
