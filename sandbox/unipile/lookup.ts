import { hasChat, addUnlisted, messagesIn } from './chat-store.ts';
import { invalid, UnipileError } from './errors.ts';
import { chatExists } from './generated-chats.ts';
import { messageById, type MessageRef } from './ids.ts';
import { getAccount, type State } from './state.ts';
import type { Account, AccountType, AttendeeRef, ChatRef } from './types.ts';
import type { UnipileVariants } from './variants.ts';
import { lidFor } from './views/attendees.ts';
import { chatFacts } from './views/chats.ts';
import { messageFacts } from './views/messages.ts';
import { groupCount, groupMembers } from '../world/generated-people.ts';
import { findPerson, nameFor } from '../world/people.ts';
import { LID_SUFFIX, PHONE_SUFFIX } from '../world/whatsapp.ts';

/** The provider ids that accept messages. */
const RECIPIENT: Partial<Record<AccountType, RegExp>> = {
  WHATSAPP: /^(\d{6,15}@s\.whatsapp\.net|\d{6,20}@lid)$/,
  LINKEDIN: /^AC[ow][\w-]{5,}$/,
  TELEGRAM: /^\d{5,}$/,
  INSTAGRAM: /^\d{5,}$/,
  MESSENGER: /^\d{5,}$/,
  TWITTER: /^\d{5,}$/,
};

/** Unknown people are added. Throws 422 for an impossible id; numbers that end in 0000 have no WhatsApp. */
export function recipient(account: Account, providerId: string, variants: UnipileVariants): AttendeeRef {
  const known = knownAttendee(account, providerId, variants);
  if (known) return known;
  const hasNoWhatsapp = providerId.endsWith(`0000${PHONE_SUFFIX}`);
  if (!RECIPIENT[account.type]?.test(providerId) || hasNoWhatsapp) {
    throw new UnipileError('invalid_recipient', `"${providerId}" is not a recipient on ${account.type}.`);
  }
  return { kind: 'unlisted', index: addUnlisted(account.store, providerId, nameFor(providerId)) };
}

export function knownAttendee(account: Account, identifier: string, variants: UnipileVariants): AttendeeRef | null {
  const { store, type } = account;
  const index = findPerson(store.people, type, identifier, variants.lid_share);
  if (index !== null) return { kind: 'person', index };
  const unlisted =
    store.unlistedByProviderId.get(identifier) ??
    (identifier.endsWith(LID_SUFFIX)
      ? store.unlisted.findIndex(({ providerId }) => lidFor(providerId) === identifier)
      : -1);
  return unlisted < 0 ? null : { kind: 'unlisted', index: unlisted };
}

/** Null when there is none. A one-to-one chat on WhatsApp has its attendee's id. */
export function chatByProviderId(account: Account, providerId: string, variants: UnipileVariants): ChatRef | null {
  const { store } = account;
  const candidates: ChatRef[] = [];
  const other = knownAttendee(account, providerId, variants);
  if (other?.kind === 'person') candidates.push({ kind: 'single', index: other.index });
  store.started.forEach((_, index) => candidates.push({ kind: 'started', index }));
  for (const state of store.chats.values()) candidates.push(state.ref);
  for (let index = 0; index < groupCount(store.people); index++) candidates.push({ kind: 'group', index });
  if (account.type !== 'WHATSAPP') {
    // A thread's id does not lead to its attendee: compare all of them.
    for (let index = 0; index < store.people.size; index++) candidates.push({ kind: 'single', index });
  }
  const found = candidates.find(
    (ref) => hasChat(store, ref) && chatFacts(account, ref, variants).providerId === providerId,
  );
  return found ?? null;
}

/** By UniPile's id or, for stored messages, by the provider's. */
export function messageByAnyId(account: Account, id: string): MessageRef | null {
  const byId = messageById(account, id);
  if (byId) return byId;
  for (const message of account.store.stored.toReversed()) {
    const ref: MessageRef = { kind: 'stored', message };
    if (messageFacts(account, ref).providerId === id) return ref;
  }
  return null;
}

/** The accounts in `account_id` (comma-separated), else all. Throws 404 for an unknown one. */
export function selectAccounts(state: State, filters: Record<string, string>): Account[] {
  const named = filters['account_id'];
  const accounts = named === undefined ? state.list : named.split(',').map((id) => getAccount(state, id));
  const type = filters['account_type'];
  return type === undefined ? accounts : accounts.filter((account) => account.type === type);
}

export function readFlag(filters: Record<string, string>, name: string): boolean | undefined {
  const value = filters[name];
  if (value !== undefined && value !== 'true' && value !== 'false') throw invalid(`${name} must be true or false.`);
  return value === undefined ? undefined : value === 'true';
}

export function chatsWith(account: Account, ref: AttendeeRef): ChatRef[] {
  const { store } = account;
  const chats: ChatRef[] = [];
  if (ref.kind === 'person') {
    if (chatExists(store.people, 'single', ref.index)) chats.push({ kind: 'single', index: ref.index });
    for (let index = 0; index < groupCount(store.people); index++) {
      if (groupMembers(store.people, index).includes(ref.index)) chats.push({ kind: 'group', index });
    }
  }
  store.started.forEach((chat, index) => {
    const inside = chat.members.some((member) => member.kind === ref.kind && member.index === ref.index);
    const started: ChatRef = { kind: 'started', index };
    if (inside && messagesIn(store, started) > 0) chats.push(started);
  });
  return chats;
}
