import { openDatabase, type Database } from '../../db/connect.ts';
import { prepareKeys } from '../../db/data-keys.ts';
import { contactByPhone, listContacts } from '../../db/queries/contacts/find-contacts.ts';
import { addPhoneAlias } from '../../db/queries/contacts/incomplete-contacts.ts';
import { mergeContacts } from '../../db/queries/contacts/merge-contacts.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { findPerson } from '../../db/queries/erasures/find-person.ts';
import { ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { createVault } from '../../db/vault.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { readContact } from '../../providers/wasender/contacts-entry.ts';
import { readOne } from '../../services/contacts/read-contacts.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testKey } from '../support/key.ts';
import { runSql } from '../support/run-sql.ts';
import { insertRow, tablesOf } from './seed.ts';

const byText = (one = '', other = ''): number => (one < other ? -1 : one > other ? 1 : 0);
const vault = createVault(parseKeyRing(testKey, ''));
const [P1, P2, P3] = ['33639980001', '33639980002', '33639980003'].map((digits) => `${digits}@s.whatsapp.net`);
const [L1, L2, L3] = ['900000000000001@lid', '900000000000002@lid', '900000000000003@lid'];

let test: TestDatabase;
let db: Database;
let of: { tenantId: string; accountId: string };
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  await prepareKeys(db, vault.masterKeys);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

/** An account of its own for each test. */
beforeEach(async () => {
  of = await db.system(async (em) => {
    const { id: tenantId } = await ensureTenant(em, vault, 'ours', new Date());
    const accounts = (await tablesOf(em)).find(({ name }) => name === 'accounts')!;
    return { tenantId, accountId: await insertRow(em, accounts, { tenant_id: tenantId, provider: 'wasender' }) };
  });
});

/** Reads entries as WASender spells them. */
const read = (entries: object[], isAfterLogin = false) => {
  const seen = entries.map((entry) => readContact(entry)!).sort((a, b) => (a.id < b.id ? -1 : 1));
  const saving = { ...of, at: new Date(), vault, keep: null, isAfterLogin };
  return db.tenant(of.tenantId, (em) => saveContacts(em, saving, seen));
};
const outcomes = async (entries: object[]): Promise<string[]> => (await read(entries)).map(({ outcome }) => outcome);
/** Each contact that is shown, with the aliases of all that were merged into it. */
const shown = (): Promise<any[]> =>
  db.system((em) =>
    runSql<any>(
      em,
      `select r.phone_number, r.name, array_agg(a.value order by a.value) as aliases from contacts r
       join contacts c on coalesce(c.merged_into, c.id) = r.id join contact_aliases a on a.contact_id = c.id
       where r.account_id = ? and r.merged_into is null group by r.id order by r.phone_number nulls last, min(a.value)`,
      [of.accountId],
    ),
  );
const contact = (phone: string | null | undefined, name: string | null, ...aliases: (string | undefined)[]) => ({
  phone_number: phone ? `+${phone.split('@')[0]}` : null,
  name,
  aliases: aliases.toSorted(byText),
});
const named = (): Promise<any[]> =>
  db.system((em) =>
    runSql<any>(em, 'select * from contacts where account_id = ? and merged_into is null order by phone_number, id', [
      of.accountId,
    ]),
  );

it('text is kept letter by letter, whatever an array of PostgreSQL takes for its own marks', async () => {
  const names = [
    'NULL',
    'null',
    '{a,b}',
    'a "b" c',
    String.raw`back\slash\\ \"`,
    "it's",
    '$1 $& $$',
    'é 👍 \u{1F469}\u200D\u{1F4BB}',
  ];
  const entries = names.map((name, n) => ({ id: `3363998${String(n).padStart(4, '0')}@s.whatsapp.net`, name }));
  await read(entries);
  expect((await named()).map(({ name }) => name)).toEqual(names);
  const changed = entries.map((entry, n) => ({ ...entry, name: names.at(n - 1) }));
  await read(changed);
  expect((await named()).map(({ name }) => name)).toEqual(changed.map(({ name }) => name));
});

describe('entries that contradict an earlier one part people', () => {
  const xavier = { id: P2, lid: L1, name: 'Xavier' };
  const yolanda = { id: P1, lid: L2, notify: 'Yolanda' };
  const parted = [contact(P1, 'Yolanda', P1, L2), contact(P2, 'Xavier', P2, L1)];

  it('when a number went to another person, and its person to another number', async () => {
    await read([{ id: P1, lid: L1, name: 'Xavier' }]);
    await read([xavier, yolanda]);
    expect(await shown()).toEqual(parted);
    expect(await outcomes([xavier, yolanda])).toEqual(['unchanged', 'unchanged']);
  });

  it.each([
    ['the number first', [yolanda, xavier]],
    ['the person first', [xavier, yolanda]],
  ])('on pages of their own, %s', async (_, pages) => {
    await read([{ id: P1, lid: L1, notify: 'Xavier' }]);
    for (const page of pages) await read([page]);
    expect(await shown()).toEqual(parted);
  });

  it('when the number comes back without a LID', async () => {
    await read([{ id: P1, lid: L1, notify: 'Xavier' }]);
    await read([xavier, { id: P1 }]);
    expect(await shown()).toEqual([contact(P1, null, P1), contact(P2, 'Xavier', P2, L1)]);
  });

  it('when a LID was joined with a number that had entries of its own', async () => {
    await read([
      { id: P1, notify: 'Yolanda' },
      { id: L1, notify: 'Xavier' },
    ]);
    await read([{ id: P1, lid: L1, notify: 'Yolanda' }]);
    expect(await shown()).toHaveLength(1);
    await read([{ id: P2, lid: L1, notify: 'Xavier' }]);
    expect((await shown()).map(({ aliases }) => aliases)).toEqual([[P1], [P2, L1].toSorted(byText)]);
    expect((await shown())[1].name).toBe('Xavier');
  });

  it('in an entry under a LID', async () => {
    await read([{ id: L1, phoneNumber: P1, name: 'Xavier' }]);
    await read([{ id: L2, phoneNumber: P1, name: 'Yolanda' }]);
    expect(await shown()).toEqual([contact(P1, 'Yolanda', P1, L2), contact(null, 'Xavier', L1)]);
  });

  it('and an address book that contradicts itself joins nobody, and settles', async () => {
    const book = [
      { id: P1, lid: L1, name: 'Xavier' },
      { id: P2, lid: L1, name: 'Yolanda' },
      { id: L3, phoneNumber: P3, name: 'Zoe' },
      { id: P3, lid: L2, name: 'Wim' },
    ];
    for (let n = 0; n < 2; n += 1) await read(book);
    const before = await shown();
    expect(before.map(({ name }) => name).toSorted(byText)).toEqual(['Wim', 'Xavier', 'Yolanda', 'Zoe']);
    for (let n = 0; n < 2; n += 1) expect(new Set(await outcomes(book))).toEqual(new Set(['unchanged']));
    expect(await shown()).toEqual(before);
  });

  it('and is as stable where both entries came first on one page', async () => {
    const book = [
      { id: P1, lid: L1, name: 'Xavier' },
      { id: P2, lid: L1, name: 'Yolanda' },
    ];
    await read(book);
    const before = await shown();
    expect(before).toEqual([contact(P1, 'Xavier', P1), contact(P2, 'Yolanda', P2, L1)]);
    expect(await outcomes(book)).toEqual(['unchanged', 'unchanged']);
    expect(await shown()).toEqual(before);
  });

  it('but never what a caller merged', async () => {
    const [one, two] = await read([
      { id: P1, name: 'Xavier' },
      { id: L1, name: 'Bo' },
    ]);
    await db.tenant(of.tenantId, (em) =>
      mergeContacts(em, { ...of, at: new Date() }, one!.contactId, [two!.contactId]),
    );
    await read([{ id: P2, lid: L1, name: 'Bo' }]);
    expect((await shown()).map(({ aliases }) => aliases)).toEqual([[P1, P2, L1].toSorted(byText)]);
  });
});

describe('a number that was told later for a LID', () => {
  const learn = (id: string, lid = L1!, phone = '+33639980001') =>
    db.tenant(of.tenantId, (em) => addPhoneAlias(em, of, { id, lid }, phone));

  it('parts from the LID when an entry tells another one', async () => {
    const [one] = await read([{ id: L1, name: 'Xavier' }]);
    expect(await learn(one!.contactId)).toBe(one!.contactId);
    await read([{ id: P1, lid: L2, name: 'Yolanda' }]);
    expect(await shown()).toEqual([contact(P1, 'Yolanda', P1, L2), contact(null, 'Xavier', L1)]);
    await read([{ id: P2, lid: L1, name: 'Xavier' }]);
    expect(await shown()).toEqual([contact(P1, 'Yolanda', P1, L2), contact(P2, 'Xavier', P2, L1)]);
  });

  it('joins nobody where the address book shows the number under another LID', async () => {
    const [, one] = await read([
      { id: P1, lid: L2, name: 'Yolanda' },
      { id: L1, name: 'Xavier' },
    ]);
    expect(await learn(one!.contactId)).toBeNull();
    expect(await shown()).toEqual([contact(P1, 'Yolanda', P1, L2), contact(null, 'Xavier', L1)]);
  });
});

it('forgets a pair with the person that it names', async () => {
  await read([
    { id: P1, name: 'Xavier' },
    { id: L1, name: 'Bo' },
  ]);
  await read([{ id: P1, lid: L1, name: 'Xavier' }]);
  await db.system((em) =>
    runSql(em, 'delete from contacts where account_id = ? and merged_into is not null', [of.accountId]),
  );
  const left = await db.system((em) =>
    runSql<any>(em, 'select value, pair from contact_aliases where account_id = ?', [of.accountId]),
  );
  expect(left).toEqual([{ value: expect.any(String), pair: null }]);
});

describe('what was answered belongs to what was asked', () => {
  const asked = '+5531996880001';
  const stored = '553196880001@s.whatsapp.net';
  /** Asks for one number, as a sync of it does. */
  async function ask(answer: object, number = asked): Promise<any> {
    const reader = { one: () => Promise.resolve(readContact(answer)) } as unknown as ContactReader;
    const reading = { reader, call: {} as ProviderCall, signal: AbortSignal.timeout(10_000) };
    for await (const { contacts } of readOne(reading, number))
      await db.tenant(of.tenantId, (em) => saveContacts(em, { ...of, at: new Date(), vault, keep: null }, contacts));
    return db.tenant(of.tenantId, (em) => contactByPhone(em, [of.accountId], number));
  }
  const found = (q: string): Promise<any[]> =>
    db.tenant(of.tenantId, (em) => listContacts(em, { account: of.accountId, q }, { limit: 10 }));

  it.each([
    ['another spelling', { id: stored, name: 'Bia' }, '+553196880001'],
    ['another number', { id: P3, name: 'Bia' }, '+33639980003'],
    ['a LID', { id: L3, name: 'Bia' }, asked],
  ])('when it is %s', async (_, answer, phone) => {
    for (let n = 0; n < 2; n += 1) expect(await ask(answer)).toMatchObject({ name: 'Bia', phoneNumber: phone });
    expect(await shown()).toHaveLength(1);
  });

  it('also of a person that a whole sync has brought', async () => {
    await read([{ id: P3, name: 'Bia' }]);
    expect(await ask({ id: P3, name: 'Bia' })).toMatchObject({ name: 'Bia' });
    expect(await shown()).toHaveLength(1);
  });

  it('but joins nobody who has the number that was asked for', async () => {
    await read([
      { id: P1, name: 'Ana' },
      { id: P2, name: 'Bia' },
    ]);
    await ask({ id: P2, name: 'Bia' }, '+33639980001');
    expect(await shown()).toEqual([contact(P1, 'Ana', P1), contact(P2, 'Bia', P2)]);
  });

  it('a search finds a number by each of its spellings', async () => {
    await read([
      { id: stored, name: 'Bia' },
      { id: '5491112345678@s.whatsapp.net', name: 'Leo' },
      { id: P1, name: 'Ana' },
    ]);
    for (const q of ['5531996880001', '+55 31 99688-0001', '553196880001', '99688-0001', '(31) 99688'])
      expect((await found(q)).map(({ name }) => name)).toEqual(['Bia']);
    expect((await found('+54 11 1234 5678')).map(({ name }) => name)).toEqual(['Leo']);
  });

  it('an erasure by number takes the person under each of its spellings', async () => {
    const [bia] = await read([{ id: stored, name: 'Bia' }]);
    const subjects = [{ kind: 'jid' as const, value: '5531996880001@s.whatsapp.net' }];
    const person = await db.tenant(of.tenantId, (em) => findPerson(em, { subjects, contactIds: [] }, of.accountId));
    expect(person.contactIds).toEqual([bia!.contactId]);
  });
});

describe('names', () => {
  const whole = { id: P1, name: 'Ana Lima', notify: 'ana', verifiedName: 'Lima & Co', status: 'Busy' };
  const all = { saved_name: 'Ana Lima', push_name: 'ana', verified_name: 'Lima & Co', is_business_account: true };

  it.each([true, false])('stay when an entry leaves them all out (soon after a login: %s)', async (isAfterLogin) => {
    await read([whole]);
    await read([{ id: P1 }], isAfterLogin);
    expect(await named()).toEqual([expect.objectContaining({ ...all, whatsapp_status: 'Busy' })]);
  });

  it('of the person stay until another comes; the saved one may be cleared, but not soon after a login', async () => {
    await read([whole]);
    await read([{ id: P1, notify: 'Ana' }], true);
    expect(await named()).toEqual([expect.objectContaining({ ...all, push_name: 'Ana' })]);
    await read([{ id: P1, name: '', notify: 'Ana L' }]);
    expect(await named()).toEqual([
      expect.objectContaining({ ...all, saved_name: null, push_name: 'Ana L', name: 'Ana L', whatsapp_status: null }),
    ]);
  });

  it('that show nothing are none, and each is found in each spelling of its letters', async () => {
    await read([
      { id: P1, notify: '\u200e', verifiedName: '\u3164' },
      { id: P2, name: '\u3164', notify: 'Jose\u0301' },
    ]);
    expect((await named()).map((one) => [one.name, one.verified_name, one.is_business_account])).toEqual([
      [null, null, false],
      ['Jos\u00e9', null, false],
    ]);
    for (const q of ['jose\u0301', 'JOS\u00c9', '\u200ejos\u00e9\u200e'])
      expect(
        await db.tenant(of.tenantId, (em) => listContacts(em, { account: of.accountId, q }, { limit: 10 })),
      ).toHaveLength(1);
  });
});
