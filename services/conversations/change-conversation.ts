import type { Em } from '../../db/connect.ts';
import {
  changeConversation as writeChange,
  type ConversationChange,
} from '../../db/queries/conversations/change-conversation.ts';
import { Problem } from '../problem.ts';
import { anyConversation } from './find-conversations.ts';

/** The fields of a change, as the API names them. */
export type ChangedField = keyof ConversationChange;

/** Changes a conversation; answers the fields that are kept here and that the provider is not told of. */
export async function changeConversation(
  em: Em,
  id: string,
  change: ConversationChange,
  now: Date,
): Promise<ChangedField[]> {
  if (change.muted instanceof Date && change.muted <= now)
    throw new Problem('invalid_request', 'muted: must be a time to come, true or false.');
  await anyConversation(em, id);
  await writeChange(em, id, change, now);
  return keptLocally(change);
}

/** The fields of a change that are not handed to the provider: all of them. */
const keptLocally = (change: ConversationChange): ChangedField[] =>
  (Object.keys(change) as ChangedField[]).filter((field) => change[field] !== undefined);
