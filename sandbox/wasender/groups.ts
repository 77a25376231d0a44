import { ApiError } from '../server/errors.ts';
import { groupCount } from '../world/generated-people.ts';
import { hashText } from '../world/random.ts';
import { jidOf } from '../world/whatsapp.ts';
import { chatsData } from './chats.ts';
import { findGroup, groupJid, groupName, groupPictureSeed, participants, requireIdentity } from './identity.ts';
import type { OpenedGroup, Session, State } from './state.ts';
import { emit } from './webhooks.ts';

interface GroupFacts {
  jid: string;
  name: string;
  pictureSeed: number;
  /** The owner first. */
  participants: { id: string; admin?: 'admin' | 'superadmin' }[];
}

/** Throws 404. */
export function groupFacts(session: Session, jid: string): GroupFacts {
  const opened = session.groups.get(jid);
  const owner = { id: jidOf(session.linked?.phone ?? ''), admin: 'superadmin' as const };
  if (opened) {
    const members = opened.members.map((id) => ({ id }));
    return { jid, name: opened.name, pictureSeed: hashText(jid), participants: [owner, ...members] };
  }
  const { contacts } = session;
  const group = findGroup(contacts, jid);
  return {
    jid,
    name: groupName(group),
    pictureSeed: groupPictureSeed(contacts, group),
    participants: [owner, ...participants(contacts, group)],
  };
}

/** The generated ones first. */
export function groupList(session: Session): { total: number; at(place: number): string } {
  const generated = groupCount(session.contacts.people);
  const opened = [...session.groups.keys()];
  return {
    total: generated + opened.length,
    at: (place) => (place < generated ? groupJid(session.contacts, place) : opened[place - generated]!),
  };
}

export function groupMetadata({ createdAt }: Session, group: GroupFacts): object {
  return {
    id: group.jid,
    subject: group.name,
    owner: group.participants[0]!.id,
    creation: Math.floor(createdAt / 1000),
    desc: null,
    size: group.participants.length,
    participants: group.participants,
  };
}

/** The owner's phone opens a group. */
export function openGroup(state: State, session: Session, body: { name: string; members: string[] }): object {
  const number = String(session.groups.size + 1).padStart(5, '0');
  const jid = `120364${String(session.id).padStart(7, '0')}${number}@g.us`;
  const members = body.members.map((one) => requireIdentity(session.contacts, one).jid);
  session.groups.set(jid, { name: body.name, members });
  emit(state, session, 'groups.upsert', chatsData(state, [groupMetadata(session, groupFacts(session, jid))]));
  return { session: session.id, chat_id: jid };
}

export function changeGroup(
  state: State,
  session: Session,
  body: { chat: string; name?: string | undefined; add: string[]; remove: string[] },
): object {
  const group = session.groups.get(body.chat);
  if (!group) throw new ApiError(409, 'only groups of POST /groups can be changed');
  if (body.name !== undefined) {
    group.name = body.name;
    emit(state, session, 'groups.update', chatsData(state, [{ id: body.chat, subject: body.name }]));
  }
  const jids = (ids: string[]): string[] => ids.map((one) => requireIdentity(session.contacts, one).jid);
  change(state, session, body.chat, 'add', jids(body.add), group);
  change(state, session, body.chat, 'remove', jids(body.remove), group);
  return { session: session.id, chat_id: body.chat, name: group.name, members: group.members };
}

function change(
  state: State,
  session: Session,
  id: string,
  action: 'add' | 'remove',
  jids: string[],
  group: OpenedGroup,
): void {
  if (jids.length === 0) return;
  const others = group.members.filter((member) => !jids.includes(member));
  group.members = action === 'add' ? [...others, ...jids] : others;
  const asIds = state.variants.values.participants_shape === 'ids';
  const shown = asIds ? jids : jids.map((jid) => ({ id: jid }));
  emit(state, session, 'group-participants.update', { id, participants: shown, action });
}
