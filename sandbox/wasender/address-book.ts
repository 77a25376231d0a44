import { changeBook, exists, revision } from '../unipile/book.ts';
import { createContacts, listing, recount, type BookOptions } from './contact-book.ts';
import { emit, listens } from './events.ts';
import type { State } from './state.ts';
import type { Session } from './types.ts';
import { contactsData, contactView, personFacts, type ContactFacts } from './views/contact.ts';

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
