import { invalid } from './errors.ts';
import { chatExists, groupCount, groupMembers } from './generated.ts';
import { messagesIn } from './mailbox.ts';
import { getAccount, type State } from './state.ts';
import type { Account, AttendeeRef, ChatRef } from './types.ts';

/** The accounts that a list is about: those named (comma-separated), else all. Throws 404 for one that is not there. */
export function selectAccounts(state: State, filters: Record<string, string>): Account[] {
  const named = filters['account_id'];
  const accounts = named === undefined ? state.list : named.split(',').map((id) => getAccount(state, id));
  const type = filters['account_type'];
  return type === undefined ? accounts : accounts.filter((account) => account.type === type);
}

/** `true`, `false` or absent. */
export function readFlag(filters: Record<string, string>, name: string): boolean | undefined {
  const value = filters[name];
  if (value !== undefined && value !== 'true' && value !== 'false') throw invalid(`${name} must be true or false.`);
  return value === undefined ? undefined : value === 'true';
}

/** Every chat that the attendee is in. */
export function chatsWith(account: Account, ref: AttendeeRef): ChatRef[] {
  const { mailbox } = account;
  const chats: ChatRef[] = [];
  if (ref.kind === 'person') {
    if (chatExists(mailbox.book, 'single', ref.index)) chats.push({ kind: 'single', index: ref.index });
    for (let index = 0; index < groupCount(mailbox.book); index++) {
      if (groupMembers(mailbox.book, index).includes(ref.index)) chats.push({ kind: 'group', index });
    }
  }
  mailbox.started.forEach((chat, index) => {
    const inside = chat.members.some((member) => member.kind === ref.kind && member.index === ref.index);
    const started: ChatRef = { kind: 'started', index };
    if (inside && messagesIn(mailbox, started) > 0) chats.push(started);
  });
  return chats;
}
