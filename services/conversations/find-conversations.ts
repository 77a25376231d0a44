import type { Em } from '../../db/connect.ts';
import { Attendee, Conversation } from '../../db/entities/conversations.ts';
import { isId } from '../../platform/ids.ts';
import { anyAccount } from '../accounts/find-account.ts';
import { Problem } from '../problem.ts';

/** A conversation of the tenant. 404 when there is none. */
export async function anyConversation(em: Em, id: string): Promise<Conversation> {
  const conversation = isId(id) ? await em.findOne(Conversation, { id }) : null;
  if (!conversation) throw new Problem('not_found', 'There is no such conversation.');
  return conversation;
}

/** An attendee of the tenant; a merged one is the person that it was merged into. 404 when there is none. */
export async function anyAttendee(em: Em, id: string): Promise<Attendee> {
  const found = isId(id) ? await em.findOne(Attendee, { id }) : null;
  const attendee = found?.mergedInto ? await em.findOne(Attendee, { id: found.mergedInto }) : found;
  if (!attendee) throw new Problem('not_found', 'There is no such attendee.');
  return attendee;
}

interface Named {
  account?: string | undefined;
  conversation?: string | undefined;
  attendee?: string | undefined;
}

/** A filter, where what it names is there; 404 where the tenant has no such account, conversation or attendee. */
export async function checkNamed<F extends Named>(em: Em, filter: F): Promise<F> {
  const { account, conversation, attendee } = filter;
  if (account !== undefined) await anyAccount(em, account);
  if (conversation !== undefined) await anyConversation(em, conversation);
  if (attendee === undefined) return filter;
  return { ...filter, attendee: (await anyAttendee(em, attendee)).id };
}
