import type { Em } from '../../db/connect.ts';
import { Message } from '../../db/entities/messages.ts';
import { searchConversations, searchPeople } from '../../db/queries/conversations/search-people.ts';
import {
  searchMessages,
  windowSize,
  type FoundMessage,
  type WindowStart,
} from '../../db/queries/messages/search-messages.ts';
import { searchWords } from '../../domain/search-text.ts';
import { describeConversations, type ConversationDetails } from '../conversations/describe-conversations.ts';
import { peopleById, type Person } from '../conversations/people.ts';
import { describeMessages, type MessageDetails } from '../messages/describe-messages.ts';

export interface SearchFilter {
  account?: string | undefined;
  conversation?: string | undefined;
}

/** Where a page of matches begins. `from`: the newest of the messages that are ranked together. */
export interface SearchPlace {
  from: WindowStart | null;
  offset: number;
}

export interface Found<T> {
  items: T[];
  next: SearchPlace | null;
  /** The words that were searched for, as `highlight` takes them. */
  words: string[];
}

const start: SearchPlace = { from: null, offset: 0 };

/** Messages with all the words, the newest ones ranked together, then the ones before these. */
export async function findMessages(
  em: Em,
  tenantId: string,
  q: string,
  filter: SearchFilter,
  place: SearchPlace | null,
  limit: number,
): Promise<Found<MessageDetails>> {
  const words = searchWords(q);
  const { from, offset } = place ?? start;
  if (!words.length) return { items: [], next: null, words };
  const ranked = await searchMessages(em, tenantId, words, filter, from);
  const page = ranked.slice(offset, offset + limit);
  const messages = new Map(
    (await em.find(Message, { id: { $in: page.map(({ id }) => id) } })).map((message) => [message.id, message]),
  );
  const items = await describeMessages(
    em,
    page.flatMap(({ id }) => messages.get(id) ?? []),
  );
  return { items, next: nextPlace(ranked, from, offset + limit), words };
}

/** Within the same window, else below its oldest message. */
function nextPlace(ranked: readonly FoundMessage[], from: SearchPlace['from'], offset: number): SearchPlace | null {
  const byAge = (age: number) => ranked.find((one) => one.age === age);
  if (offset < ranked.length) {
    const newest = byAge(1);
    return { from: from ?? (newest ? { at: newest.at, id: newest.id, inclusive: true } : null), offset };
  }
  const oldest = byAge(windowSize);
  return oldest ? { from: { at: oldest.at, id: oldest.id, inclusive: false }, offset: 0 } : null;
}

/** People with all the words in their names or contacts' names, or with these digits in their number. */
export async function findPeople(
  em: Em,
  tenantId: string,
  q: string,
  { account }: SearchFilter,
  place: SearchPlace | null,
  limit: number,
): Promise<Found<Person>> {
  const ids = await matchingPeople(em, tenantId, q, { account });
  const { page, next } = part(ids, place, limit);
  const people = await peopleById(em, page);
  return { items: page.flatMap((id) => people.get(id) ?? []), next, words: searchWords(q) };
}

/** The ids of all these people, up to some hundreds. */
export async function matchingPeople(
  em: Em,
  tenantId: string,
  q: string,
  { account }: SearchFilter,
): Promise<string[]> {
  const words = searchWords(q);
  const found = words.length ? await searchPeople(em, tenantId, { q, words }, account) : [];
  return found.map(({ id }) => id);
}

/** Conversations with such a name, or with such people. */
export async function findConversations(
  em: Em,
  tenantId: string,
  q: string,
  { account }: SearchFilter,
  place: SearchPlace | null,
  limit: number,
): Promise<Found<ConversationDetails>> {
  const words = searchWords(q);
  const found = words.length ? await searchConversations(em, tenantId, { q, words }, account) : [];
  const { page, next } = part(
    found.map(({ id }) => id),
    place,
    limit,
  );
  return { items: await describeConversations(em, page), next, words };
}

function part(ids: readonly string[], place: SearchPlace | null, limit: number) {
  const from = place?.offset ?? 0;
  return {
    page: ids.slice(from, from + limit),
    next: from + limit < ids.length ? { from: null, offset: from + limit } : null,
  };
}
