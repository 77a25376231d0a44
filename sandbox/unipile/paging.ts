import type { Request } from 'express';
import { chatKey, chatState, firstFrom, hasChat } from './chat-store.ts';
import { invalid, UnipileError } from './errors.ts';
import {
  chatExists,
  countOf,
  firstAtAge,
  firstReaching,
  type GeneratedKind,
  isGenerated,
  messageAge,
  messageCount,
} from './generated-chats.ts';
import { chatId, messageId, type MessageRef } from './ids.ts';
import type { Account, ChatRef } from './types.ts';

const DATE = /^[12]\d{3}-[01]\d-[0-3]\dT\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** A cursor contains the filters of the first page. */
export interface Page {
  limit: number;
  filters: Record<string, string>;
  /** The last entry of the page before. */
  last: { id: string; date?: string } | null;
}

interface LimitRange {
  max: number;
  fallback: number;
}
export const LIST_LIMIT: LimitRange = { max: 250, fallback: 100 };
export const RELATIONS_LIMIT: LimitRange = { max: 1000, fallback: 100 };

/** Throws 400 in UniPile's words. */
export function readPage(req: Request, filterNames: readonly string[], range = LIST_LIMIT): Page {
  const cursor = text(req, 'cursor');
  if (cursor !== undefined) return readCursor(cursor);
  const filters: Record<string, string> = {};
  for (const name of filterNames) {
    const value = text(req, name);
    if (value !== undefined) filters[name] = value;
  }
  for (const name of ['before', 'after']) {
    const value = filters[name];
    if (value !== undefined && (!DATE.test(value) || Number.isNaN(Date.parse(value)))) {
      throw invalid(`${name} must be an ISO 8601 UTC date with milliseconds, like 2025-12-31T23:59:59.999Z.`);
    }
  }
  return { limit: readLimit(text(req, 'limit'), range), filters, last: null };
}

function readLimit(value: string | undefined, { max, fallback }: LimitRange): number {
  if (value === undefined) return fallback;
  const limit = Number(value);
  if (!Number.isInteger(limit) || limit < 1) throw invalid(`limit must be a whole number from 1 to ${max}.`);
  if (limit > max) throw new UnipileError('limit_too_high', `limit must not exceed ${max}.`);
  return limit;
}

/** Empty counts as absent. */
export function text(req: Request, name: string): string | undefined {
  const value = req.query[name];
  if (Array.isArray(value)) return value.map(String).join(',');
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function writeCursor(page: Page, last: { id: string; ts?: number }): string {
  const cursor = { last_id: last.id, ...(last.ts !== undefined && { last_date: new Date(last.ts).toISOString() }) };
  return Buffer.from(JSON.stringify({ ...page.filters, limit: page.limit, cursor })).toString('base64');
}

function readCursor(cursor: string): Page {
  try {
    const {
      limit,
      cursor: at,
      ...filters
    } = JSON.parse(Buffer.from(cursor, 'base64').toString('utf8')) as {
      limit: number;
      cursor: { last_id: string; last_date?: string };
    } & Record<string, string>;
    if (typeof at.last_id === 'string' && Number.isInteger(limit)) {
      const date = at.last_date;
      return { limit, filters: filters as Record<string, string>, last: { id: at.last_id, ...(date && { date }) } };
    }
  } catch {
    // Not base64 or JSON: the same error as for a cursor without its fields.
  }
  throw invalid('The cursor is not one of ours.');
}

export function takeFirst<T>(
  page: Page,
  entries: Iterable<T>,
  idOf: (entry: T) => string,
): { items: T[]; cursor: string | null } {
  const items: T[] = [];
  for (const entry of entries) {
    if (items.length === page.limit) return { items, cursor: writeCursor(page, { id: idOf(items.at(-1)!) }) };
    items.push(entry);
  }
  return { items, cursor: null };
}

/** The merged sources, newest first; entries of equal time are ordered by id. */
export function takePage<T>(
  sources: Source<T>[],
  page: Page,
  keep: (entry: Entry<T>) => boolean = () => true,
): { entries: Entry<T>[]; cursor: string | null } {
  const { before, after } = page.filters;
  const lastTs = page.last?.date === undefined ? Infinity : Date.parse(page.last.date);
  const from = Math.min(lastTs, before === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(before) - 1);
  const oldest = after === undefined ? -Infinity : Date.parse(after) + 1;

  const heads: { entry: Entry<T>; rest: Iterator<Entry<T>> }[] = [];
  for (const source of sources) {
    const rest = source(from);
    const first = rest.next();
    if (!first.done) heads.push({ entry: first.value, rest });
  }
  const entries: Entry<T>[] = [];
  while (heads.length > 0) {
    let newest = 0;
    for (let i = 1; i < heads.length; i++) if (comesFirst(heads[i]!.entry, heads[newest]!.entry)) newest = i;
    const head = heads[newest]!;
    const { entry } = head;
    const next = head.rest.next();
    if (next.done) heads.splice(newest, 1);
    else head.entry = next.value;

    if (entry.ts < oldest) break;
    if (page.last && entry.ts === lastTs && entry.id <= page.last.id) continue;
    if (!keep(entry)) continue;
    // One more than the limit: there is a next page.
    if (entries.length === page.limit) return { entries, cursor: writeCursor(page, entries.at(-1)!) };
    entries.push(entry);
  }
  return { entries, cursor: null };
}

function comesFirst<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.ts > b.ts || (a.ts === b.ts && a.id < b.id);
}

export interface Entry<T> {
  ts: number;
  id: string;
  account: Account;
  ref: T;
}

/** Entries newest first, none newer than `from` (epoch ms), without reading the newer ones. */
export type Source<T> = (from: number) => Iterator<Entry<T>>;

const KINDS: GeneratedKind[] = ['single', 'group'];

/** `synced`: the share of the generated chats that are shown. */
export function chatSources(account: Account, synced: number): Source<ChatRef>[] {
  return [
    (from) => recentChats(account, from),
    ...KINDS.map((kind) => (from: number) => generatedChats(account, kind, from, synced)),
  ];
}

export function messageSources(account: Account, synced: number): Source<MessageRef>[] {
  return [
    (from) => storedMessages(account, account.store.stored, from),
    ...KINDS.map((kind) => (from: number) => generatedMessages(account, kind, from, synced)),
  ];
}

export function chatMessageSources(account: Account, ref: ChatRef): Source<MessageRef>[] {
  const stored = account.store.chats.get(chatKey(ref))?.messages ?? [];
  const sources: Source<MessageRef>[] = [(from) => storedMessages(account, stored, from)];
  if (isGenerated(ref)) sources.push((from) => messagesOfGenerated(account, ref.kind, ref.index, from));
  return sources;
}

/** In any order. */
export function someChats(account: Account, chats: ChatRef[]): Source<ChatRef> {
  const all = chats.map((ref) => ({ ts: chatState(account.store, ref).ts, id: chatId(account, ref), account, ref }));
  const ordered = all.toSorted((a, b) => b.ts - a.ts);
  return (from) => ordered.filter(({ ts }) => ts <= from).values();
}

function* recentChats(account: Account, from: number): Generator<Entry<ChatRef>> {
  const { store } = account;
  for (let i = firstFrom(store.recentChats, from + 1) - 1; i >= 0; i--) {
    const { ts, ref } = store.recentChats[i]!;
    if (hasChat(store, ref)) yield { ts, id: chatId(account, ref), account, ref };
  }
}

function* generatedChats(
  account: Account,
  kind: GeneratedKind,
  from: number,
  synced: number,
): Generator<Entry<ChatRef>> {
  const { store } = account;
  const count = Math.floor(countOf(store.people, kind) * synced);
  for (let index = firstAtAge(kind, store.base - from); index < count; index++) {
    const ref: ChatRef = { kind, index };
    if (!chatExists(store.people, kind, index)) continue;
    const { hasStored, ts } = chatState(store, ref);
    if (!hasStored) yield { ts, id: chatId(account, ref), account, ref };
  }
}

function* storedMessages(
  account: Account,
  stored: Account['store']['stored'],
  from: number,
): Generator<Entry<MessageRef>> {
  for (let i = firstFrom(stored, from + 1) - 1; i >= 0; i--) {
    const message = stored[i]!;
    if (message.lagging) continue;
    const ref: MessageRef = { kind: 'stored', message };
    if (hasChat(account.store, message.chat)) yield { ts: message.ts, id: messageId(account, ref), account, ref };
  }
}

function* generatedMessages(
  account: Account,
  kind: GeneratedKind,
  from: number,
  synced: number,
): Generator<Entry<MessageRef>> {
  const { store } = account;
  const count = Math.floor(countOf(store.people, kind) * synced);
  for (let index = firstReaching(kind, store.base - from); index < count; index++) {
    if (chatExists(store.people, kind, index)) yield* messagesOfGenerated(account, kind, index, from);
  }
}

function* messagesOfGenerated(
  account: Account,
  kind: GeneratedKind,
  index: number,
  from: number,
): Generator<Entry<MessageRef>> {
  const { store } = account;
  const count = messageCount(store.people, kind, index);
  for (let m = 0; m < count; m++) {
    const ts = store.base - messageAge(kind, index, m);
    if (ts > from) continue;
    const ref: MessageRef = { kind: 'generated', chat: { kind, index }, m };
    yield { ts, id: messageId(account, ref), account, ref };
  }
}
