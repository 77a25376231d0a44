import { connectionTo } from '../../services/connections/login/attempt-tx.ts';
import type { Database, Em } from '../../db/connect.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { Contact } from '../../db/entities/contacts.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { withContacts } from '../../services/provider-names.ts';
import { fail, pass, skip, type Check, type Finding } from './check.ts';
import { errorMessage } from '../error-message.ts';
import type { Subject } from './subject.ts';

const otherwise = 'Ask again when the provider answers. The state of the account: patchbay accounts show <id>.';

/** One page of an address book is read from its provider; nothing of it is kept. */
export const fetching: Check = {
  name: 'fetching',
  needs: ['database', 'encryption', 'schema'],
  otherwise,
  look: (subject, signal) =>
    withBook(subject, signal, async ({ account, reader, call }) => {
      const { contacts } = await reader.page(call, null);
      return pass(`a page of ${contacts.length} contacts of account ${account.id}; nothing was stored`);
    }),
};

/** One contact is read and written as a sync does it, and the write is undone. */
export const singleSync: Check = {
  name: 'single sync',
  needs: ['fetching'],
  otherwise,
  look: (subject, signal) =>
    withBook(subject, signal, async (book) => {
      const phone = await anyNumber(book);
      if (phone === null) return skip(`the address book of account ${book.account.id} names no number`);
      const seen = await book.reader.one(book.call, phone);
      if (!seen)
        return fail(
          'the provider does not know a number of its own address book',
          'Sync the account once more: patchbay contacts sync.',
        );
      const outcome = await triedOut(book.db, subject, book.account, seen);
      return pass(`one contact of account ${book.account.id} was read; stored it would be ${outcome}; it was not`);
    }),
};

export const conversationSync: Check = {
  name: 'conversation sync',
  needs: [],
  otherwise,
  look: () => Promise.resolve([skip('not in this version')]),
};

interface Book {
  db: Database;
  account: Account;
  reader: ContactReader;
  call: ProviderCall;
}

/** The address book that was read last, of all tenants. */
async function withBook(
  subject: Subject,
  signal: AbortSignal,
  work: (book: Book) => Promise<Finding>,
): Promise<Finding[]> {
  const db = await subject.database();
  const names = withContacts(subject.providers);
  const book = await db.system((em) => bookOf(subject, em, names, signal));
  if (!book)
    return [
      skip(
        `no account of ${names.join(' or ')} is connected`,
        'Connect one (POST /api/v1/accounts) or take one over: patchbay accounts import.',
      ),
    ];
  try {
    return [await work({ ...book, db })];
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    return [fail(`account ${book.account.id}: ${errorMessage(error)}`, failureRow(error.code).whatToDo)];
  }
}

async function bookOf(
  subject: Subject,
  em: Em,
  names: Account['provider'][],
  signal: AbortSignal,
): Promise<Omit<Book, 'db'> | null> {
  const account = await em.findOne(
    Account,
    { provider: { $in: names }, state: 'active', mergedInto: null, providerAccountId: { $ne: null } },
    { orderBy: { lastSyncAt: 'desc nulls last', id: 'asc' } },
  );
  if (!account) return null;
  const at = systemClock.now();
  const config = subject.config();
  const context = {
    config,
    vault: subject.vault(),
    providers: subject.providers,
    publicUrl: config.PUBLIC_URL,
    db: await subject.database(),
    clock: systemClock,
    log: createLog('cli', 'silent'),
  };
  const { provider, call } = await connectionTo(context, em, account, at, account.providerAccountId);
  return provider.contacts ? { account, reader: provider.contacts, call: { ...call, signal } } : null;
}

/** A number that the account knows already, else one of the book. */
async function anyNumber({ db, account, reader, call }: Book): Promise<string | null> {
  const stored = await db.system((em) =>
    em.findOne(
      Contact,
      { accountId: account.id, mergedInto: null, phoneNumber: { $ne: null } },
      { orderBy: { id: 'desc' } },
    ),
  );
  if (stored?.phoneNumber) return stored.phoneNumber;
  const { contacts } = await reader.page(call, null);
  return contacts.find(({ phone }) => phone !== null)?.phone ?? null;
}

/** Carries the outcome out of a transaction that is given up. */
class Undone extends Error {
  readonly outcome: string;
  constructor(outcome: string) {
    super('undone');
    this.outcome = outcome;
  }
}

/** The outcome of storing a contact, which is rolled back. */
async function triedOut(db: Database, subject: Subject, account: Account, seen: SeenContact): Promise<string> {
  const { tenantId, id: accountId } = account;
  try {
    return await db.tenant(tenantId, async (em) => {
      const [saved] = await saveContacts(
        em,
        { tenantId, accountId, at: systemClock.now(), vault: subject.vault(), keep: null },
        [seen],
      );
      throw new Undone(saved?.outcome ?? 'left out');
    });
  } catch (error) {
    if (error instanceof Undone) return error.outcome;
    throw error;
  }
}
