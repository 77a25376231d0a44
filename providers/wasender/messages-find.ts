import type { HandedOver, MessageRef, ProviderCall, Recipient, SentSearch, UnknownSend } from '../provider.ts';
import { clockSkewMs, judge, personMatcher, sameText, type SentCandidate } from '../shared/find-sent.ts';
import { refused } from '../shared/outgoing.ts';
import { fetchSession } from './account-object.ts';
import { text } from './fields.ts';
import { toJid } from './ids.ts';
import { one } from './message-info.ts';
import { fileFields, readMessageLog, type LoggedMessage } from './message-log.ts';
import { recipient } from './recipients.ts';
import { soleSessionKey } from './settings.ts';

/** The log names no zone: an equal message that is so much older may be the one. */
const zonesMs = 15 * 60 * 60_000;
const settleMs = 30_000;

/**
 * Looks through the session's message log, which has every message that was sent by API. A session's key alone does not
 * open it, and without logging it does not show what was sent: then nothing is certain.
 */
export async function findSent(call: ProviderCall, message: HandedOver, unknown: UnknownSend): Promise<SentSearch> {
  const isLogged = !soleSessionKey(call.settings) && (await fetchSession(call, call.providerAccountId)).logMessages;
  if (!isLogged) return { outcome: 'unclear', checkAgainAt: null };
  const { entries, isWhole } = await readMessageLog(call, unknown.since - zonesMs);
  const to = recipient(oneRecipient(message.to));
  const goesThere = personMatcher(toJid(to) ?? to);
  const candidates: SentCandidate[] = [];
  for (const entry of entries) {
    const isRecent = entry.at === null || entry.at >= unknown.since - clockSkewMs;
    const isSame = saysTheSame(entry, message);
    const isTheirs = entry.to === null ? null : goesThere([toJid(entry.to) ?? entry.to]);
    if (isSame === false || isTheirs === false || (isSame === null && !isRecent)) continue;
    const isCertain = isSame === true && isTheirs === true;
    candidates.push({ message: namesOf(entry), status: entry.status, sentAt: entry.at, isCertain });
  }
  const found = judge({ candidates, isWhole, settleMs }, unknown, call.now);
  return found.outcome === 'found' ? { ...found, message: await confirmed(call, found.message, message) } : found;
}

function oneRecipient(to: HandedOver['to']): Recipient {
  if ('kind' in to) return to;
  const [person] = to;
  if (person && to.length === 1) return person;
  throw refused('A message goes to one recipient.');
}

const namesOf = ({ id, to }: LoggedMessage): MessageRef => ({
  keys: id === null ? [] : [id],
  conversationKeys: to === null ? [] : [toJid(to) ?? to],
});

/** Whether an entry says what was sent; null where the log does not show it. An upload's address is new each time. */
function saysTheSame({ content }: LoggedMessage, message: HandedOver): boolean | null {
  if (content === null) return null;
  const [attachment] = message.attachments ?? [];
  const named = Object.entries(fileFields).filter(([, name]) => text(content, name) !== null);
  const isKind = attachment ? named.some(([kind]) => kind === attachment.kind) : named.length === 0;
  return isKind && sameText(text(content, 'text'), message.text);
}

/** No source says that the log's ids are messages' numbers: they count as such where the message is the same. */
async function confirmed(call: ProviderCall, logged: MessageRef, message: HandedOver): Promise<MessageRef> {
  const seen = logged.keys.length ? await one(call, logged) : null;
  const isIt = seen !== null && seen.direction !== 'in' && sameText(seen.text, message.text);
  return isIt ? { keys: seen.keys, conversationKeys: seen.conversationKeys } : { ...logged, keys: [] };
}
