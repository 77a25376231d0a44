import { parseIdentity } from '../../domain/identities.ts';
import type { SeenMessage } from '../../domain/seen-messages.ts';
import type { HandedOver, Person, ProviderCall, Recipient, SentSearch, UnknownSend } from '../provider.ts';
import {
  clockSkewMs,
  judge,
  maySayTheSame,
  personMatcher,
  saysTheSame,
  type SentCandidate,
} from '../shared/find-sent.ts';
import { chatId, conversations, periodOf, readPage } from './conversations.ts';
import { accountOf, segment } from './ids.ts';
import { check } from './login.ts';
import { attendeeId } from './recipients.ts';
import { readMessage } from './seen-messages.ts';

/** How far before the call messages are looked at: an equal one so shortly before leaves open which one it is. */
const beforeMs = 5 * 60_000;
/** Pages of 100 that are read; a longer list is not searched to its end. */
const mostPages = 20;
/** Conversations whose attendees are asked for. */
const mostAsked = 50;
/** LinkedIn shows a message up to a minute after it was sent. */
const settleMs = { linkedin: 120_000, other: 30_000 };

/**
 * Looks through the messages since the call: those of the conversation or, for a person, those of the account. A message
 * to the same recipient that says something else is not ruled out: channels take marks out of texts. While the account is
 * not connected UniPile's lists stand still, and prove nothing.
 */
export async function findSent(call: ProviderCall, message: HandedOver, unknown: UnknownSend): Promise<SentSearch> {
  const listed = await ownMessages(call, message.to, unknown.since - beforeMs);
  const known = new Set(unknown.known);
  const isRecent = ({ sentAt }: SeenMessage): boolean => sentAt === null || sentAt >= unknown.since - clockSkewMs;
  const possible = listed.messages.filter(
    (seen) => !seen.keys.some((key) => known.has(key)) && (isRecent(seen) || maySayTheSame(seen, message)),
  );
  const recipient = await recipientOf(call, message.to);
  const candidates: SentCandidate[] = [];
  for (const seen of possible) {
    const goesThere = await recipient.gets(seen);
    if (goesThere === false) continue;
    const { keys, conversationKeys, status, sentAt, direction } = seen;
    const isCertain = goesThere === true && direction === 'out' && saysTheSame(seen, message);
    candidates.push({ message: { keys, conversationKeys }, status, sentAt, isCertain });
  }
  const isConnected = (await check(call)).status === 'linked';
  const settle = call.channel === 'linkedin' ? settleMs.linkedin : settleMs.other;
  return judge({ candidates, isWhole: listed.isWhole && isConnected, settleMs: settle }, unknown, call.now);
}

const isChat = (to: HandedOver['to']): to is Extract<Recipient, { kind: 'conversation' }> =>
  'kind' in to && to.kind === 'conversation';

/** What the account may have written after `after`, and whether all of it was read. */
async function ownMessages(
  call: ProviderCall,
  to: HandedOver['to'],
  after: number,
): Promise<{ isWhole: boolean; messages: SeenMessage[] }> {
  const toChat = isChat(to);
  const path = toChat ? `/chats/${segment(await chatId(call, to.keys))}/messages` : '/messages';
  const first = { ...(!toChat && { account_id: accountOf(call) }), limit: '100', ...periodOf({ after }) };
  const messages: SeenMessage[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const read: Awaited<ReturnType<typeof readPage<SeenMessage>>> = await readPage(
      call,
      path,
      cursor,
      first,
      readMessage,
    );
    messages.push(...read.items.filter(({ direction, event }) => direction !== 'in' && event === undefined));
    if (read.cursor === null) return { isWhole: true, messages };
    ({ cursor } = read);
  }
  return { isWhole: false, messages };
}

/** Tells whether a message goes to the recipient; null where that cannot be told. */
interface KnownRecipient {
  gets(seen: SeenMessage): Promise<boolean | null>;
}

async function recipientOf(call: ProviderCall, to: HandedOver['to']): Promise<KnownRecipient> {
  // Only this conversation's messages are read.
  if (isChat(to)) return { gets: () => Promise.resolve(true) };
  const people: readonly Person[] = 'kind' in to ? [to] : to;
  const isWhatsApp = call.channel === 'whatsapp';
  const matchers: ((keys: readonly string[]) => boolean | null)[] = [];
  for (const person of people) {
    const id = await attendeeId(call, person);
    matchers.push(isWhatsApp ? personMatcher(id) : (keys) => keys.includes(id));
  }
  const [only, ...more] = matchers;
  const asked = new Map<string, boolean | null>();

  const ask = async (keys: readonly string[]): Promise<boolean | null> => {
    if (asked.size >= mostAsked) return null;
    const others = (await conversations.attendees(call, keys)).filter(({ isSelf }) => isSelf !== true);
    if (others.length !== matchers.length) return false;
    const matched = matchers.map((isTheirs) => best(others.map((other) => isTheirs(other.keys))));
    return matched.includes(false) ? false : matched.includes(null) ? null : true;
  };

  return {
    async gets({ conversationKeys }) {
      const person = isWhatsApp ? conversationKeys.filter((key) => parseIdentity(key)) : [];
      const told = person.length && only && more.length === 0 ? only(person) : null;
      if (told !== null) return told;
      const name = conversationKeys[0] ?? '';
      if (!asked.has(name)) asked.set(name, await ask(conversationKeys));
      return asked.get(name) ?? null;
    },
  };
}

const best = (answers: readonly (boolean | null)[]): boolean | null =>
  answers.includes(true) ? true : answers.includes(null) ? null : false;
