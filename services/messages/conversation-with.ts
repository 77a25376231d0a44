import type { Em } from '../../db/connect.ts';
import { findConversation } from '../../db/queries/sends/person-conversation.ts';
import { newConversationKey } from '../../db/queries/sends/provider-ids.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { Attendee, Conversation } from '../../db/entities/conversations.ts';
import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import { personKey, readRecipient, type StoredPerson } from '../../domain/recipients.ts';
import { phoneHelp } from '../../domain/phone.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { applyFacts } from './apply-facts.ts';

/** The people that a message is to go to. 422 where one cannot be written to on the channel. */
export async function recipientsOf(
  em: Em,
  account: Account,
  { startBy, groups }: MessageCapabilities,
  given: readonly string[],
): Promise<StoredPerson[]> {
  const { channel, identity } = account;
  const people = new Map<string, StoredPerson>();
  for (const one of given) {
    const known = isId(one) ? await em.findOne(Attendee, { id: one, accountId: account.id }) : null;
    const person = readRecipient(channel, known?.providerAttendeeId ?? one);
    if (!person || !startBy.includes(person.kind))
      throw new Problem('invalid_request', `recipients: names nobody on ${channel}.`, {
        fix: startBy.includes('phone') ? phoneHelp : "Give the person's id on the channel, or an attendee's id.",
      });
    const key = personKey(channel, person);
    if (identity !== null && (key === identity || (person.kind === 'phone' && person.phone === identity)))
      throw new Problem('invalid_request', 'recipients: is the account itself.');
    people.set(key, person);
  }
  if (people.size > 1 && !groups)
    throw new Problem('unsupported', 'recipients: takes one person on this channel.', {
      fix: 'Send to each person, or to a group by POST /api/v1/conversations/{id}/messages.',
    });
  return [...people.values()];
}

/** The conversation with these people; begun here where there is none, and at the provider by its first message. */
export async function conversationWith(
  context: Context,
  em: Em,
  account: Account,
  people: readonly StoredPerson[],
  now: Date,
): Promise<Conversation> {
  const keys = people.map((person) => personKey(account.channel, person));
  const [only, ...others] = keys;
  const isPerson = only !== undefined && !others.length;
  // On WhatsApp a conversation with one person has the id of the person.
  const own = isPerson && account.channel === 'whatsapp' ? keys : [newConversationKey(keys)];
  const known = await findConversation(em, account.id, own, isPerson ? only : null);
  if (known) return em.findOneOrFail(Conversation, { id: known });
  const attendees = people.map((person, n) => ({
    keys: [keys[n] ?? ''],
    name: null,
    phone: person.kind === 'phone' ? person.phone : null,
    isSelf: false,
    pictureUrl: null,
    pictureSource: null,
  }));
  const { id: accountId, tenantId } = account;
  const conversation = { keys: own, kind: isPerson ? ('person' as const) : ('group' as const), attendees };
  const told = { kind: 'conversation' as const, conversation, at: now.getTime() };
  const fact = { accountId, tenantId, teller: 'us' as const, isLive: true, receivedAt: now.getTime(), told };
  await applyFacts(em, context.vault, [fact], now);
  const made = await findConversation(em, accountId, own, null);
  return em.findOneOrFail(Conversation, { id: made ?? '' });
}
