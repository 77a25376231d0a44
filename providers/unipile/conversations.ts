import { z } from 'zod';
import type { Channel } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenConversation, SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import type { ConversationChange, Period, SeenPage } from '../contract/conversations.ts';
import { asObject } from '../json-object.ts';
import type { Conversations, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { idIn, textIn } from '../shared/told-values.ts';
import { request } from './client.ts';
import { accountOf, ownId, segment } from './ids.ts';
import { readChat } from './seen-conversations.ts';
import { readMessage } from './seen-messages.ts';
import { readAttendee } from './seen-people.ts';

/** UniPile gives at most 250 entries at a time. */
const pageLimit = '100';

/** GET /chats. */
async function list(call: ProviderCall, cursor: string | null, since?: number): Promise<SeenPage<SeenConversation>> {
  const first = { account_id: accountOf(call), limit: pageLimit, ...periodOf({ after: since }) };
  return readPage(call, '/chats', cursor, first, readChat);
}

/** GET /chats/{id}/messages. */
async function messages(
  call: ProviderCall,
  conversation: readonly string[],
  cursor: string | null,
  period: Period = {},
): Promise<SeenPage<SeenMessage>> {
  const path = `/chats/${segment(await chatId(call, conversation))}/messages`;
  return readPage(call, path, cursor, { limit: pageLimit, ...periodOf(period) }, readMessage);
}

/** GET /chats/{id}. */
async function one(call: ProviderCall, conversation: readonly string[]): Promise<SeenConversation | null> {
  const found = await orNullIfUnknown(fetchChat(call, conversation));
  return found && readChat(call.channel, found.chat);
}

/** GET /chats/{id}/attendees, which is not paged. */
async function attendees(call: ProviderCall, conversation: readonly string[]): Promise<SeenPerson[]> {
  const body = await request(call, 'GET', `/chats/${segment(await chatId(call, conversation))}/attendees`);
  return itemsOf(body).flatMap((entry) => readAttendee(call.channel, entry) ?? []);
}

/** PATCH /chats/{id}. */
async function setState(
  call: ProviderCall,
  conversation: readonly string[],
  change: ConversationChange,
): Promise<void> {
  await request(call, 'PATCH', `/chats/${segment(await chatId(call, conversation))}`, actionOf(change));
}

function actionOf(change: ConversationChange): { action: string; value: boolean | string } {
  if ('read' in change) return { action: 'setReadStatus', value: change.read };
  if ('archived' in change) return { action: 'setArchiveStatus', value: change.archived };
  if ('pinned' in change) return { action: 'setPinnedStatus', value: change.pinned };
  const { mutedUntil: until } = change;
  return { action: 'setMuteStatus', value: typeof until === 'number' ? isoDate(until) : until !== null };
}

/** UniPile's id of a conversation. Throws `not_found` for one that it does not know. */
export const chatId = async (call: ProviderCall, conversation: readonly string[]): Promise<string> =>
  ownId(conversation) ?? (await fetchChat(call, conversation)).id;

/** By UniPile's id or, since the query names the account, by the channel's. */
async function fetchChat(call: ProviderCall, conversation: readonly string[]): Promise<{ id: string; chat: unknown }> {
  const asked = segment(ownId(conversation) ?? conversation[0] ?? null);
  const chat = await request(call, 'GET', `/chats/${asked}`, undefined, { account_id: accountOf(call) });
  const id = idIn(asObject(chat)?.['id']);
  if (id !== null && isOf(call, chat)) return { id, chat };
  throw new ProviderFailure('not_found', 'UniPile knows no such chat of this account.');
}

/** An entry of another account is none of this one's, whatever was asked for. */
export const isOf = ({ providerAccountId }: ProviderCall, entry: unknown): boolean =>
  [null, providerAccountId].includes(idIn(asObject(entry)?.['account_id']));

const page = z.object({ items: z.array(z.unknown()).nullable(), cursor: z.string().nullish() });

function itemsOf(body: unknown): unknown[] {
  const { success, data } = page.safeParse(body);
  if (success) return data.items ?? [];
  throw new ProviderFailure('provider_unavailable', 'UniPile answered something else than a list.');
}

/** One page; a cursor is sent alone. Throws on an answer that is no list, and on a list that leads to itself. */
export async function readPage<T>(
  call: ProviderCall,
  path: string,
  cursor: string | null,
  first: Record<string, string>,
  read: (channel: Channel, entry: unknown) => T | null,
): Promise<SeenPage<T>> {
  const body = await request(call, 'GET', path, undefined, cursor === null ? first : { cursor });
  const entries = itemsOf(body);
  const next = textIn(asObject(body)?.['cursor']);
  if (next !== null && next === cursor)
    throw new ProviderFailure('provider_unavailable', 'UniPile answered the same page of a list again.');
  const items = entries.flatMap((entry) => (isOf(call, entry) ? (read(call.channel, entry) ?? []) : []));
  return { items, delivered: entries.length, cursor: next };
}

const isoDate = (ms: number): string => new Date(ms).toISOString();

export const periodOf = ({ after, before }: Period): Record<string, string> => ({
  ...(after !== undefined && { after: isoDate(after) }),
  ...(before !== undefined && { before: isoDate(before) }),
});

export const conversations = {
  list,
  messages,
  one,
  attendees,
  states: ['read', 'archived', 'pinned', 'mutedUntil'],
  setState,
} satisfies Conversations;
