import { createCallLimits } from '../../services/call-limits.ts';
import { connectionTo } from '../../services/connections/login/attempt-tx.ts';
import type { Database, Em } from '../../db/connect.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { Contact } from '../../db/entities/contacts.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import { partnersAfter } from '../../db/queries/conversations/people.ts';
import { firstId } from '../../platform/ids.ts';
import type { ContactReader, Provider, ProviderCall } from '../../providers/provider.ts';
import { peopleById } from '../../services/conversations/people.ts';
import { withContacts, withHistory } from '../../services/provider-names.ts';
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

/** Conversations and messages are read from their provider, and one of their people from an address book; nothing is kept. */
export const conversationSync: Check = {
  name: 'conversation sync',
  needs: ['database', 'encryption', 'schema'],
  otherwise,
  look: async (subject, signal) => [
    ...(await withConnected(subject, signal, withHistory(subject.providers), readHistory, 'history')),
    ...(await withBook(subject, signal, readPartner, 'contacts')),
  ],
};

async function readHistory({ account, provider, call }: Connected): Promise<Finding> {
  const { list, messages } = provider.conversations ?? {};
  if (!list || !messages) return skip(`${provider.title} keeps no history`);
  const { items: conversations } = await list(call, null);
  const [newest] = conversations;
  const read = newest ? (await messages(call, newest.keys, null)).items.length : 0;
  return pass(
    `a page of ${conversations.length} conversations and ${read} messages of account ${account.id}; nothing was stored`,
  );
}

async function readPartner({ db, account, reader, call }: Book): Promise<Finding> {
  const people = await db.tenant(account.tenantId, async (em) => {
    const found = await partnersAfter(em, account.id, null, firstId, mostPartners);
    return peopleById(
      em,
      found.map(({ id }) => id),
    );
  });
  const phone = [...people.values()].find((one) => one.phone !== null)?.phone;
  if (!phone) return skip(`account ${account.id} has no conversation with a person whose number is known`);
  const known = (await reader.one(call, phone)) !== null;
  return pass(
    `the person of a conversation of account ${account.id} was ${known ? 'found' : 'asked for'} at its provider; nothing was stored`,
  );
}

/** People of conversations among whom one with a number is looked for. */
const mostPartners = 50;

/** An account with the calls to its provider. */
interface Connected {
  db: Database;
  account: Account;
  provider: Provider;
  call: ProviderCall;
}

interface Book extends Connected {
  reader: ContactReader;
}

const withBook = (
  subject: Subject,
  signal: AbortSignal,
  work: (book: Book) => Promise<Finding>,
  of?: string,
): Promise<Finding[]> =>
  withConnected(
    subject,
    signal,
    withContacts(subject.providers),
    async (one) => {
      const reader = one.provider.contacts;
      return reader ? work({ ...one, reader }) : skip(`${one.provider.title} has no address books`);
    },
    of,
  );

/** Works with the account of these providers that was read last, of all tenants. */
async function withConnected(
  subject: Subject,
  signal: AbortSignal,
  names: Account['provider'][],
  work: (one: Connected) => Promise<Finding>,
  of?: string,
): Promise<Finding[]> {
  const db = await subject.database();
  const found = await db.system((em) => connectedOf(subject, em, names, signal));
  if (!found)
    return [
      skip(
        `no account of ${names.join(' or ')} is connected`,
        'Connect one (POST /api/v1/accounts) or take one over: patchbay accounts import.',
        of,
      ),
    ];
  try {
    return [{ ...(await work({ ...found, db })), of }];
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    return [fail(`account ${found.account.id}: ${errorMessage(error)}`, failureRow(error.code).whatToDo, of)];
  }
}

async function connectedOf(
  subject: Subject,
  em: Em,
  names: Account['provider'][],
  signal: AbortSignal,
): Promise<Omit<Connected, 'db'> | null> {
  const account = await em.findOne(
    Account,
    { provider: { $in: names }, state: 'active', mergedInto: null, providerAccountId: { $ne: null } },
    { orderBy: { lastSyncAt: 'desc nulls last', id: 'asc' } },
  );
  if (!account) return null;
  const at = systemClock.now();
  const config = subject.config();
  const db = await subject.database();
  const log = createLog('cli', 'silent');
  const context = {
    config,
    vault: subject.vault(),
    providers: subject.providers,
    publicUrl: config.PUBLIC_URL,
    db,
    clock: systemClock,
    log,
    callLimits: createCallLimits(db, systemClock, log),
  };
  const { provider, call } = await connectionTo(context, em, account, at, account.providerAccountId);
  return { account, provider, call: { ...call, signal } };
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
