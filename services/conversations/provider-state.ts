import type { LockedConversation } from '../../db/queries/conversations/change-conversation.ts';
import type { DueChange } from '../../db/queries/conversations/conversation-changes.ts';
import type { Channel } from '../../domain/channels.ts';
import type { ChangedField, ProviderWord } from '../../domain/conversations.ts';
import type { ConversationChange } from '../../providers/contract/conversations.ts';
import type { Provider } from '../../providers/provider.ts';

/**
 * How a provider is told of a change: as a state of the conversation, or by its newest message that was read. Null where it
 * has no such field. `isRead`: whether a change of `read` marks it as read.
 */
export function verbOf(
  provider: Provider | undefined,
  channel: Channel,
  field: ChangedField,
  isRead: boolean | undefined,
): 'setState' | 'markRead' | null {
  if (field === 'labels') return null;
  const { conversations, messages } = provider ?? {};
  if (conversations?.setState && conversations.states.includes(field === 'muted' ? 'mutedUntil' : field))
    return 'setState';
  const marks = messages?.markRead && messages.capabilities[channel]?.markRead;
  return field === 'read' && isRead && marks ? 'markRead' : null;
}

type Values = Pick<LockedConversation, 'archived' | 'pinned' | 'muted' | 'mutedUntil'>;

/** A field's value here, as a provider would tell it; null for what no provider tells. */
export function wordOf(field: ChangedField, { archived, pinned, muted, mutedUntil }: Values): ProviderWord {
  if (field === 'archived') return archived;
  if (field === 'pinned') return pinned;
  if (field !== 'muted' || !muted) return null;
  return mutedUntil?.getTime() ?? 'forever';
}

/** The change as a provider takes it. A conversation that was muted until a time that has passed is not muted. */
export function stateOf({ field, ...values }: DueChange, now: Date): ConversationChange {
  if (field === 'read') return { read: !values.markedUnread };
  if (field === 'archived') return { archived: values.archived };
  if (field === 'pinned') return { pinned: values.pinned };
  const { muted, mutedUntil } = values;
  if (!muted || (mutedUntil && mutedUntil <= now)) return { mutedUntil: null };
  return { mutedUntil: mutedUntil?.getTime() ?? 'forever' };
}
