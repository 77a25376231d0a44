import { z } from 'zod';
import { type AccountRef, action, ControlError, type ProviderSandbox } from '../server/provider.ts';
import { bookOptions, type BookOptions, createContacts, listing, recount } from './contact-list.ts';
import { type ContactFacts, contactsData, contactView, personFacts } from './contact-views.ts';
import { WasenderError } from './errors.ts';
import { getMessage, moveStatus } from './messages.ts';
import { finishLinking, leave } from './pairing.ts';
import { attachment, react, receive } from './simulate.ts';
import { type Linking, removeSession, type Session, SESSION_STATUSES, type State } from './state.ts';
import { emit, listens } from './webhooks.ts';
import { changeBook, exists, revision } from '../world/address-book.ts';

const share = z.number().min(0).max(1).default(0);
const RECEIPTS = { sent: 2, delivered: 3, read: 4, played: 5 } as const;

/** The session that a control call means; undefined when it is none of ours. */
export function referred(state: State, { session, account_id }: AccountRef): Session | undefined {
  const id = session ?? account_id ?? '';
  return /^\d{1,12}$/.test(id) ? state.sessions.get(Number(id)) : undefined;
}

/** The provider's side of the control API. */
export function createActions(state: State): ProviderSandbox['actions'] {
  const sessionOf = (ref: AccountRef): Session => {
    const session = referred(state, ref);
    if (!session) throw new ControlError(404, `no WASender session "${ref.session ?? ref.account_id}"`);
    return session;
  };
  const show = (session: Session): object => ({
    session: session.id,
    status: session.status,
    phone: session.linked?.phone ?? null,
  });
  /** Ends the linking that waits for this kind of yes. */
  const pass = (session: Session, method: Linking['method'], phone?: string): object => {
    const { linking } = session;
    if (linking?.method !== method) throw new ControlError(409, `this session waits for no ${method}`);
    if (linking.until <= state.shared.clock.now())
      throw new ControlError(
        409,
        `the ${method} has lapsed; ${method === 'qr' ? 'GET qrcode' : 'a connect'} gives a new one`,
      );
    finishLinking(state, session, phone);
    return show(session);
  };

  return {
    scan: action(z.object({ phone: z.string().optional() }), (ref, { phone }) =>
      pass(sessionOf(ref), 'qr', phone === undefined ? undefined : phoneDigits(phone)),
    ),

    approve: action(z.object({}), (ref) => pass(sessionOf(ref), 'passkey')),

    drop: action(
      z.object({
        status: z
          .string()
          .toLowerCase()
          .pipe(z.enum([...SESSION_STATUSES, 'deleted'])),
      }),
      (ref, { status }) => {
        const session = sessionOf(ref);
        if (status === 'deleted') {
          removeSession(state, session);
          return { session: session.id, status };
        }
        if (status === 'connected' && !session.linked) finishLinking(state, session);
        else leave(state, session, status);
        return show(session);
      },
    ),

    messages: action(
      z.object({
        chat: z.string().optional(),
        from: z.string().min(1),
        name: z.string().optional(),
        text: z.string().nullable().default(null),
        count: z.int().min(1).max(10_000).default(1),
        attachments: z.array(attachment).max(1).default([]),
      }),
      (ref, body) => said(() => receive(state, sessionOf(ref), body)),
    ),

    receipts: action(
      z.object({
        message_id: z.union([z.string(), z.number().transform(String)]),
        status: z.enum(['sent', 'delivered', 'read', 'played']),
      }),
      (ref, { message_id, status }) =>
        said(() => {
          const session = sessionOf(ref);
          const message = getMessage(session, message_id);
          if (message.from !== null) throw new ControlError(409, 'only messages of the owner get receipts');
          moveStatus(state, session, message, RECEIPTS[status]);
          return { session: session.id, message_id: message.msgId, status };
        }),
    ),

    reactions: action(
      z.object({
        message_id: z.union([z.string(), z.number().transform(String)]),
        value: z.string().min(1),
        from: z.string().optional(),
      }),
      (ref, body) => said(() => react(state, sessionOf(ref), body)),
    ),

    put_address_book: action(
      z.object({
        size: z.int().min(0).max(1_000_000),
        seed: z.union([z.string(), z.number().transform(String)]),
        announce: z.boolean().default(false),
        ...bookOptions.shape,
      }),
      (ref, { size, seed, announce, ...options }) => replaceBook(state, sessionOf(ref), size, seed, options, announce),
    ),

    patch_address_book: action(z.object({ change: share, remove: share }), (ref, { change, remove }) =>
      changePeople(state, sessionOf(ref), change, remove),
    ),
  };
}

/** A mistake that the API would refuse is refused by control too. */
function said(run: () => object): object {
  try {
    return run();
  } catch (error) {
    if (error instanceof WasenderError) throw new ControlError(error.status, error.message);
    throw error;
  }
}

function phoneDigits(phone: string): string {
  const digits = phone.replaceAll(/[\s+()-]/g, '');
  if (!/^\d{6,15}$/.test(digits))
    throw new ControlError(400, 'phone must be a number with its country code, like +33639980001');
  return digits;
}

/** Contacts in one event. */
const BATCH = 100;

/** Other people; with `announce` every one of them is told by webhook. */
export function replaceBook(
  state: State,
  session: Session,
  size: number,
  seed: string,
  options: BookOptions,
  announce: boolean,
): object {
  const { saved, blocked } = session.contacts;
  session.contacts = { ...createContacts(size, seed, options), saved, blocked };
  const { contacts } = session;
  if (announce && listens(session, 'contacts.upsert')) {
    const told = function* (): Generator<object> {
      for (let index = 0; index < size; index++) yield contactView(state, personFacts(contacts, index), 'event');
    };
    tell(state, session, 'contacts.upsert', told());
  }
  return { session: session.id, size, seed, entries: listing(contacts).total, ...options };
}

/** Changes and removes shares of the whole book. Of removals the service tells nothing. */
export function changePeople(state: State, session: Session, change: number, remove: number): object {
  const { contacts } = session;
  const { book } = contacts;
  const before = { ...book, changes: [...book.changes] };
  const counts = changeBook(book, change, remove);
  if (remove > 0 || contacts.present) recount(contacts);
  if (counts.changed > 0 && listens(session, 'contacts.update')) {
    const told = function* (): Generator<object> {
      for (let index = 0; index < book.size; index++) {
        if (!exists(book, index) || revision(book, index) === revision(before, index)) continue;
        yield difference(personFacts(contacts, index, before), personFacts(contacts, index));
      }
    };
    tell(state, session, 'contacts.update', told());
  }
  return { session: session.id, ...counts, entries: listing(contacts).total };
}

/** The changed fields only; a picture is told as the word that asks to fetch it again. */
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

function tell(
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
