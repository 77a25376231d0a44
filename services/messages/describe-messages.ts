import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { Attachment, Message, MessageReceipt } from '../../db/entities/messages.ts';
import { MessageSend, SendQueue } from '../../db/entities/sends.ts';
import { attendeesByKey } from '../../db/queries/conversations/people.ts';
import { attachmentsOf, messagesByKey, receiptsOf } from '../../db/queries/messages/list-messages.ts';
import type { Channel } from '../../domain/channels.ts';
import { displayOf, mentionsOf, type DisplaySpan } from '../../domain/message-display.ts';
import { identitySpellings, lidOf, phoneIdentity } from '../../domain/identities.ts';
import { peopleById, type Person } from '../conversations/people.ts';

/** A message with what belongs to it. */
export interface MessageDetails {
  message: Message;
  display: DisplaySpan[];
  sender: Person | null;
  reactions: { emoji: string; person: Person; at: Date }[];
  receipts: { receipt: MessageReceipt; person: Person }[];
  attachments: Attachment[];
  /** The message that is answered; null where it is not here. */
  repliesTo: string | null;
  /** Null for a message that was not sent from here. */
  send: MessageSend | null;
  /** The account's, while the send waits. */
  queue: SendQueue | null;
}

/** Messages in the order given, with a few statements for all of them. */
export async function describeMessages(em: Em, messages: readonly Message[]): Promise<MessageDetails[]> {
  const ids = messages.map(({ id }) => id);
  const shown = messages.filter(({ deletedAt }) => deletedAt === null).map(({ id }) => id);
  const channels = await channelsOf(em, messages);
  const attachments = Map.groupBy(await attachmentsOf(em, shown), ({ messageId }) => messageId);
  const receipts = Map.groupBy(await receiptsOf(em, ids), ({ messageId }) => messageId);
  const quoted = messages.flatMap(({ accountId, quotedKey }) =>
    quotedKey === null ? [] : [{ account: accountId, key: quotedKey }],
  );
  const replies = new Map(
    (await messagesByKey(em, quoted)).map(({ account, key, message }) => [`${account} ${key}`, message]),
  );
  const mentions = await mentionedBy(em, messages, channels);
  const people = await peopleById(em, [
    ...messages.flatMap(({ senderId, reactions }) => [
      ...(senderId ? [senderId] : []),
      ...reactions.map(({ by }) => by),
    ]),
    ...[...receipts.values()].flat().map(({ attendeeId }) => attendeeId),
    ...mentions.values(),
  ]);
  const own = messages.filter(({ direction }) => direction === 'out').map(({ id }) => id);
  const sends = await em.find(MessageSend, { messageId: { $in: own } });
  const sendOf = new Map(sends.map((one) => [one.messageId, one]));
  const waiting = new Set(sends.flatMap(({ state, accountId }) => (state === 'queued' ? [accountId] : [])));
  const queues = waiting.size ? await em.find(SendQueue, { accountId: { $in: [...waiting] } }) : [];
  const queueOf = new Map(queues.map((one) => [one.accountId, one]));
  return messages.map((message) => ({
    message,
    display: displayOf(channels.get(message.accountId) ?? 'mail', message.text, (digits) => {
      const person = people.get(mentions.get(`${message.accountId} ${digits}`) ?? '');
      return person ? { attendee: person.attendee.id, name: person.name } : null;
    }),
    sender: people.get(message.senderId ?? '') ?? null,
    reactions: message.deletedAt ? [] : reactionsOf(message, people),
    receipts: (receipts.get(message.id) ?? []).flatMap((receipt) => {
      const person = people.get(receipt.attendeeId);
      return person ? [{ receipt, person }] : [];
    }),
    attachments: attachments.get(message.id) ?? [],
    repliesTo: replies.get(`${message.accountId} ${message.quotedKey}`) ?? null,
    send: sendOf.get(message.id) ?? null,
    queue: queueOf.get(message.accountId) ?? null,
  }));
}

/** Those that were taken back, and those of unknown people, are left out. */
const reactionsOf = ({ reactions }: Message, people: ReadonlyMap<string, Person>): MessageDetails['reactions'] =>
  reactions.flatMap(({ emoji, by, at }) => {
    const person = people.get(by);
    return emoji !== null && person ? [{ emoji, person, at: new Date(at) }] : [];
  });

async function channelsOf(em: Em, messages: readonly Message[]): Promise<Map<string, Channel>> {
  const accounts = [...new Set(messages.map(({ accountId }) => accountId))];
  const found = await em.find(Account, { id: { $in: accounts } }, { fields: ['id', 'channel'] });
  return new Map(found.map(({ id, channel }) => [id, channel]));
}

/** The attendees that texts name by digits, by account and digits. */
async function mentionedBy(
  em: Em,
  messages: readonly Message[],
  channels: ReadonlyMap<string, Channel>,
): Promise<Map<string, string>> {
  const asked = messages.flatMap(({ accountId, text }) =>
    mentionsOf(channels.get(accountId) ?? 'mail', text).flatMap((digits) =>
      [...identitySpellings(phoneIdentity(digits)), lidOf(digits)].map(({ value }) => ({
        account: accountId,
        key: value,
        digits,
      })),
    ),
  );
  const found = new Map(
    (await attendeesByKey(em, asked)).map(({ account, key, attendee }) => [`${account} ${key}`, attendee]),
  );
  const named = new Map<string, string>();
  for (const { account, key, digits } of asked) {
    const attendee = found.get(`${account} ${key}`);
    if (attendee !== undefined && !named.has(`${account} ${digits}`)) named.set(`${account} ${digits}`, attendee);
  }
  return named;
}
