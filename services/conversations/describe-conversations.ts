import { isWorking } from '../../domain/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Conversation, ConversationChange } from '../../db/entities/conversations.ts';
import { Message } from '../../db/entities/messages.ts';
import { coverageOf, type Coverage } from '../../db/queries/syncs/conversation-history.ts';
import { firstAttendees } from '../../db/queries/conversations/people.ts';
import { conversationName } from '../../domain/attendee-names.ts';
import type { Channel, ProviderName } from '../../domain/channels.ts';
import { describeMessages, type MessageDetails } from '../messages/describe-messages.ts';
import { peopleById, type Person } from './people.ts';

/** A conversation with what an inbox shows of it. */
export interface ConversationDetails {
  conversation: Conversation;
  channel: Channel;
  provider: ProviderName;
  name: string;
  /** The person of a conversation with one; null for groups and channels, and where nothing is known of the person. */
  person: Person | null;
  lastMessage: MessageDetails | null;
  /** Null where the provider was never asked for its history. */
  coverage: Coverage | null;
  /** What callers changed of it, by field. */
  changes: ConversationChange[];
  /** Whether the account works, so that its provider can be told. */
  isConnected: boolean;
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
    { fields: ['id', 'channel', 'provider', 'state', 'reason'] },
  );
  const accountsById = new Map(accounts.map((account) => [account.id, account]));
  const coverage = new Map((await coverageOf(em, ids)).map((one) => [one.conversationId, one]));
  const changes = Map.groupBy(
    await em.find(ConversationChange, { conversationId: { $in: [...ids] } }, { orderBy: { field: 'asc' } }),
    ({ conversationId }) => conversationId,
  );
  const byId = new Map(conversations.map((conversation) => [conversation.id, conversation]));
  return ids.flatMap((id) => {
    const conversation = byId.get(id);
    const account = conversation && accountsById.get(conversation.accountId);
    if (!account) return [];
    const others = (attendees.get(id) ?? []).flatMap(({ attendee }) => people.get(attendee) ?? []).slice(0, mostNamed);
    return {
      conversation,
      channel: account.channel,
      provider: account.provider,
      name: conversationName(
        conversation.kind,
        conversation.name,
        others.map(({ name }) => name),
      ),
      person: conversation.kind === 'person' ? (others[0] ?? null) : null,
      lastMessage: lastMessages.get(conversation.lastMessageId ?? '') ?? null,
      coverage: coverage.get(id) ?? null,
      changes: changes.get(id) ?? [],
      isConnected: isWorking(account),
    };
  });
}
