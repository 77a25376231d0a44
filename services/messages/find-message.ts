import type { Em } from '../../db/connect.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import { Message } from '../../db/entities/messages.ts';
import { isId } from '../../platform/ids.ts';
import { Problem } from '../problem.ts';

/** A conversation of the tenant. 404 when there is none. */
export async function ownConversation(em: Em, id: string): Promise<Conversation> {
  const conversation = isId(id) ? await em.findOne(Conversation, { id }) : null;
  if (!conversation) throw new Problem('not_found', 'There is no such conversation.');
  return conversation;
}

/** A message of the tenant. 404 when there is none. */
export async function ownMessage(em: Em, id: string): Promise<Message> {
  const message = isId(id) ? await em.findOne(Message, { id }) : null;
  if (!message) throw new Problem('not_found', 'There is no such message.');
  return message;
}
