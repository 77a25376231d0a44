import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import { Message } from '../../db/entities/messages.ts';
import { coverageOf, type Coverage } from '../../db/queries/syncs/conversation-history.ts';
import { firstAttendees } from '../../db/queries/conversations/people.ts';
import { conversationName } from '../../domain/attendee-names.ts';
import type { Channel } from '../../domain/channels.ts';
import { describeMessages, type MessageDetails } from '../messages/describe-messages.ts';
import { peopleById, type Person } from './people.ts';

/** A conversation with what an inbox shows of it. */
export interface ConversationDetails {
  conversation: Conversation;
  channel: Channel;
  name: string;
  /** The person of a conversation with one; null for groups and channels, and where nothing is known of the person. */
  person: Person | null;
  lastMessage: MessageDetails | null;
  /** Null where the provider was never asked for its history. */
  coverage: Coverage | null;
}

/** People of a group that are named in place of a missing name. */
const mostNamed = 3;

/** Conversations by id, in the order given, with a few statements for all of them. */
export async function describeConversations(em: Em, ids: readonly string[]): Promise<ConversationDetails[]> {
  const conversations = await em.find(Conversation, { id: { $in: [...ids] } });
  const last = conversations.flatMap(({ lastMessageId }) => lastMessageId ?? []);
  const messages = await describeMessages(em, await em.find(Message, { id: { $in: last } }));
  const lastMessages = new Map(messages.map((details) => [details.message.id, details]));
  // One more: the account's owner may be among them.
  const attendees = Map.groupBy(await firstAttendees(em, ids, mostNamed + 1), ({ conversation }) => conversation);
  const people = await peopleById(
    em,
    [...attendees.values()].flat().map(({ attendee }) => attendee),
  );
  const accounts = await em.find(
    Account,
    { id: { $in: [...new Set(conversations.map(({ accountId }) => accountId))] } },
    { fields: ['id', 'channel'] },
  );
  const channels = new Map(accounts.map(({ id, channel }) => [id, channel]));
  const coverage = new Map((await coverageOf(em, ids)).map((one) => [one.conversationId, one]));
  const byId = new Map(conversations.map((conversation) => [conversation.id, conversation]));
  return ids.flatMap((id) => {
    const conversation = byId.get(id);
    const channel = conversation && channels.get(conversation.accountId);
    if (!channel) return [];
    const others = (attendees.get(id) ?? []).flatMap(({ attendee }) => people.get(attendee) ?? []).slice(0, mostNamed);
    return {
      conversation,
      channel,
      name: conversationName(
        conversation.kind,
        conversation.name,
        others.map(({ name }) => name),
      ),
      person: conversation.kind === 'person' ? (others[0] ?? null) : null,
      lastMessage: lastMessages.get(conversation.lastMessageId ?? '') ?? null,
      coverage: coverage.get(id) ?? null,
    };
  });
}
