import { erasedAmong } from '../../db/queries/erasures/ledger.ts';
import type { Em } from '../../db/connect.ts';
import type { Vault } from '../../db/vault.ts';
import { subjectName, type Subject } from '../../domain/erasure.ts';
import { parseIdentity } from '../../domain/identities.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { conversationKeysOf, peopleOf, type Fact } from './facts.ts';

/**
 * The facts without what is of an erased person; all are of one tenant. The person's conversations, messages, reactions and
 * receipts are left out. A group stays with what others wrote, without the person among its attendees.
 */
export async function withoutErased(
  em: Em,
  vault: Vault,
  tenantId: string,
  facts: readonly Fact[],
): Promise<readonly Fact[]> {
  const keys = facts.flatMap((fact) => [...conversationKeysOf(fact), ...peopleOf(fact).flatMap((one) => one.keys)]);
  const names = await erasedAmong(em, vault, tenantId, keys.map(subjectOfKey));
  if (!names.size) return facts;
  const isErased = (key: string): boolean => names.has(subjectName(subjectOfKey(key)));
  return facts.flatMap((fact) => redacted(fact, isErased) ?? []);
}

const subjectOfKey = (key: string): Subject => parseIdentity(key) ?? { kind: 'id', value: key };

/** Null where nothing may be kept of a fact. */
function redacted(fact: Fact, isErased: (key: string) => boolean): Fact | null {
  const { told } = fact;
  const isOfErased = ({ keys }: SeenPerson): boolean => keys.some(isErased);
  if (told.kind === 'effect') return 'by' in told.effect && told.effect.by && isOfErased(told.effect.by) ? null : fact;
  if (told.kind === 'watermark') return told.conversationKeys.some(isErased) ? null : fact;
  const { attendees, departed } = told.conversation;
  const isWithErased = !isOfMany(told.conversation) && attendees?.some(isOfErased);
  if (isWithErased || conversationKeysOf(fact).some(isErased)) return null;
  const conversation = {
    ...told.conversation,
    ...(attendees && { attendees: attendees.filter((one) => !isOfErased(one)) }),
    ...(departed && { departed: departed.filter((one) => !isOfErased(one)) }),
  };
  if (told.kind === 'conversation') return { ...fact, told: { ...told, conversation } };
  const { message } = told;
  if (message.sender && isOfErased(message.sender)) return null;
  const reactions = message.reactions.filter(({ by }) => !isOfErased(by));
  return { ...fact, told: { ...told, conversation, message: { ...message, reactions } } };
}

const isOfMany = ({ kind }: ToldConversation): boolean => kind === 'group' || kind === 'channel';
