import { groupMembers } from '../../world/generated-people.ts';
import { createHash } from 'node:crypto';
import { chatState } from '../chat-store.ts';
import { isGenerated } from '../generated-chats.ts';
import { chatId } from '../ids.ts';
import type { Account, AttendeeRef, ChatRef } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';
import { attendeeFacts } from './attendees.ts';
import { mix } from '../../world/random.ts';

const TOPICS = ['Hiking', 'Book club', 'Launch', 'Family', 'Five-a-side', 'Allotment', 'Choir', 'House 12'];

export interface ChatFacts {
  group: boolean;
  channel: boolean;
  name: string | null;
  subject: string | null;
  providerId: string;
  others: AttendeeRef[];
}

export function chatFacts(account: Account, ref: ChatRef, variants: UnipileVariants): ChatFacts {
  const { store } = account;
  if (ref.kind === 'single') return oneToOne(account, { kind: 'person', index: ref.index }, null, variants);
  if (ref.kind === 'group') {
    const others = groupMembers(store.people, ref.index).map((index): AttendeeRef => ({ kind: 'person', index }));
    const name = `${TOPICS[mix(store.people.hash, ref.index, 43) % TOPICS.length]} ${ref.index + 1}`;
    return { group: true, channel: false, name, subject: null, providerId: groupProviderId(account, ref), others };
  }
  const chat = store.started[ref.index]!;
  if (!chat.group) return oneToOne(account, chat.members[0]!, chat.subject, variants);
  return {
    group: true,
    channel: chat.channel,
    name: chat.name,
    subject: chat.subject,
    providerId: groupProviderId(account, ref, chat.channel),
    others: chat.members,
  };
}

export function chatView(account: Account, ref: ChatRef, variants: UnipileVariants): object {
  const facts = chatFacts(account, ref, variants);
  const state = chatState(account.store, ref);
  const other = facts.group ? null : attendeeFacts(account, facts.others[0]!, variants);
  return {
    object: 'Chat',
    id: chatId(account, ref),
    account_id: account.id,
    account_type: account.type,
    provider_id: facts.providerId,
    ...(other && { attendee_provider_id: other.providerId, attendee_public_identifier: other.publicIdentifier }),
    name: facts.name,
    type: facts.channel ? 2 : facts.group ? 1 : 0,
    timestamp: new Date(state.ts).toISOString(),
    unread_count: state.unread,
    archived: state.archived ? 1 : 0,
    muted_until: state.mutedUntil,
    read_only: state.readOnly ? 1 : 0,
    pinned: state.pinned ? 1 : 0,
    ...(facts.subject !== null && { subject: facts.subject }),
    folder: [folderOf(account)],
  };
}

export const folderOf = (account: Account): string =>
  account.type === 'LINKEDIN' ? 'INBOX_LINKEDIN_CLASSIC' : 'INBOX';

function oneToOne(account: Account, other: AttendeeRef, subject: string | null, variants: UnipileVariants): ChatFacts {
  const { providerId } = attendeeFacts(account, other, variants);
  const own = account.type === 'WHATSAPP' ? providerId : threadId(account, providerId);
  return { group: false, channel: false, name: null, subject, providerId: own, others: [other] };
}

function groupProviderId(account: Account, ref: ChatRef, channel = false): string {
  const { hash } = account.store.people;
  const digits = String(mix(hash, ref.index, 44, isGenerated(ref) ? 0 : account.tag)).padStart(10, '0');
  return account.type === 'WHATSAPP'
    ? `1203630${digits}${String(ref.index).padStart(2, '0')}@${channel ? 'newsletter' : 'g.us'}`
    : threadId(account, digits);
}

function threadId(account: Account, with_: string): string {
  const own = account.identity?.providerId ?? '';
  return `2-${createHash('sha256').update(`${own} ${with_}`).digest('base64url').slice(0, 32)}`;
}
