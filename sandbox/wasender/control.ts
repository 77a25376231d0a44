import { z } from 'zod';
import { ApiError } from '../server/errors.ts';
import { action, actionFields, messagesAction, type ProviderSandbox } from '../server/provider.ts';
import { changePeople, exists, revision } from '../world/generated-people.ts';
import { changeChat, chatKey, readUpTo } from './chats.ts';
import { contactOptions, createContactList, listEntries, refreshPresent, type ContactOptions } from './contact-list.ts';
import { contactsData, contactView, personFacts, type ContactFacts } from './contact-views.ts';
import { changeGroup, openGroup } from './groups.ts';
import { requireIdentity } from './identity.ts';
import { deleteMessage, editMessage, getMessage, moveStatus } from './messages.ts';
import { disconnect, finishPairing } from './pairing.ts';
import { receiveMessages, receiveReaction, whenConnected } from './simulate.ts';
import {
  removeSession,
  SESSION_STATUSES,
  type Pairing,
  type Session,
  type State,
  type StoredMessage,
} from './state.ts';
import { emit, listens, sendRaw } from './webhooks.ts';

const RECEIPTS = { sent: 2, delivered: 3, read: 4, played: 5 } as const;
const status = z
  .string()
  .toLowerCase()
  .pipe(z.enum([...SESSION_STATUSES, 'deleted']));

export function createActions(state: State): ProviderSandbox['actions'] {
  const show = ({ id, status: now, linked }: Session): object => ({
    session: id,
    status: now,
    phone: linked?.phone ?? null,
  });
  const pass = (session: Session, method: Pairing['method'], phone?: string): object => {
    const { pairing } = session;
    if (pairing?.method !== method) throw new ApiError(409, `this session waits for no ${method}`);
    if (pairing.until <= state.shared.clock.now()) {
      const renewal = method === 'qr' ? 'GET qrcode' : 'a connect';
      throw new ApiError(409, `the ${method} has lapsed; ${renewal} gives a new one`);
    }
    finishPairing(state, session, phone);
    return show(session);
  };

  const change = (session: Session, id: string, job: (message: StoredMessage) => void): object =>
    whenConnected(session, () => {
      const message = getMessage(session, id);
      job(message);
      return { session: session.id, chat_id: chatKey(session, message.jid), message_id: message.msgId };
    });

  return {
    scan: action(actionFields.scan, (session: Session, { phone }) => pass(session, 'qr', phone)),
    approve: action(actionFields.approve, (session: Session) => pass(session, 'passkey')),

    drop: action(z.object({ status }), (session: Session, body) => {
      if (body.status === 'deleted') {
        removeSession(state, session);
        return { session: session.id, status: body.status };
      }
      if (body.status === 'connected' && !session.linked) finishPairing(state, session);
      else disconnect(state, session, body.status);
      return show(session);
    }),

    messages: messagesAction<Session>({
      write: (session, message) => receiveMessages(state, session, message),
      edit: (session, id, text) => change(session, id, (message) => editMessage(state, session, message, text)),
      remove: (session, id) => change(session, id, (message) => deleteMessage(state, session, message)),
      react: (session, reaction) => whenConnected(session, () => receiveReaction(state, session, reaction)),
    }),

    // Of another's message: the owner reads the chat up to it.
    receipts: action(
      actionFields.receipts.extend({ status: z.enum(['sent', 'delivered', 'read', 'played']) }),
      (session: Session, { message_id, status: word, from }) =>
        change(session, message_id, (message) => {
          if (message.from !== null) return readUpTo(state, session, message);
          const member = from === undefined ? undefined : requireIdentity(session.contacts, from).jid;
          moveStatus(state, session, message, RECEIPTS[word], member);
        }),
    ),

    reactions: action(actionFields.reactions, (session: Session, reaction) =>
      whenConnected(session, () => receiveReaction(state, session, reaction)),
    ),

    post_group: action(actionFields.postGroup, (session: Session, group) =>
      whenConnected(session, () => openGroup(state, session, group)),
    ),
    patch_group: action(actionFields.patchGroup, (session: Session, group) =>
      whenConnected(session, () => changeGroup(state, session, group)),
    ),
    patch_chat: action(actionFields.patchChat, (session: Session, chat) =>
      whenConnected(session, () => changeChat(state, session, chat)),
    ),

    post_webhook: action(actionFields.postWebhook, (session: Session, { body }) => ({
      sent: sendRaw(state, session, body),
    })),

    put_address_book: action(
      actionFields.putAddressBook.extend({ announce: z.boolean().default(false), ...contactOptions.shape }),
      (session: Session, { size, seed, announce, ...options }) => {
        replaceContacts(session, size, seed, options);
        if (announce) announceContacts(state, session);
        return { session: session.id, size, seed, entries: listEntries(session.contacts).total, ...options };
      },
    ),

    patch_address_book: action(actionFields.patchAddressBook, (session: Session, { change, remove }) =>
      changeContacts(state, session, change, remove),
    ),
  };
}

/** Saved names and blocked JIDs stay. */
function replaceContacts(session: Session, size: number, seed: string, options: ContactOptions): void {
  const { saved, blocked } = session.contacts;
  session.contacts = { ...createContactList(size, seed, options), saved, blocked };
}

function announceContacts(state: State, session: Session): void {
  if (!listens(session, 'contacts.upsert')) return;
  const { contacts } = session;
  const entries = function* (): Generator<object> {
    for (let index = 0; index < contacts.people.size; index++) {
      yield contactView(state, personFacts(contacts, index), 'event');
    }
  };
  emitContacts(state, session, 'contacts.upsert', entries());
}

/** Shares of all contacts. The service has no event for removals. */
function changeContacts(state: State, session: Session, change: number, remove: number): object {
  const { contacts } = session;
  const { people } = contacts;
  const before = { ...people, changes: [...people.changes] };
  const counts = changePeople(people, change, remove);
  if (remove > 0 || contacts.present) refreshPresent(contacts);
  if (counts.changed > 0 && listens(session, 'contacts.update')) {
    const differences = function* (): Generator<object> {
      for (let index = 0; index < people.size; index++) {
        if (!exists(people, index) || revision(people, index) === revision(before, index)) continue;
        yield difference(personFacts(contacts, index, before), personFacts(contacts, index));
      }
    };
    emitContacts(state, session, 'contacts.update', differences());
  }
  return { session: session.id, ...counts, entries: listEntries(contacts).total };
}

/** The changed fields only. A changed picture is only announced: the receiver has to fetch it. */
function difference(was: ContactFacts, is: ContactFacts): object {
  return {
    id: is.jid,
    ...(was.name !== is.name && { name: is.name }),
    ...(was.notify !== is.notify && { notify: is.notify }),
    ...(was.verifiedName !== is.verifiedName && { verifiedName: is.verifiedName }),
    ...(was.about !== is.about && { status: is.about }),
    ...(was.pictureSeed !== is.pictureSeed && { imgUrl: 'changed' }),
  };
}

/** Contacts in one event. */
const BATCH = 100;

function emitContacts(
  state: State,
  session: Session,
  event: 'contacts.upsert' | 'contacts.update',
  entries: Iterable<object>,
): void {
  let batch: object[] = [];
  const flush = (): void => {
    if (batch.length > 0) emit(state, session, event, contactsData(state, batch));
    batch = [];
  };
  const size = state.variants.values.contacts_shape === 'object' ? 1 : BATCH;
  for (const entry of entries) if (batch.push(entry) >= size) flush();
  flush();
}
