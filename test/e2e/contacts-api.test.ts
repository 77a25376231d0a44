import { readDocument } from '../api/openapi.ts';
import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, syncContacts, wasenderAccount } from '../support/wasender-account.ts';

const people = { size: 60, seed: 'kite', nameless: 0.3, emoji: 0.4, business: 0.3, lid_only: 0.1 };
const unknown = '01900000-0000-7000-8000-000000000000';

let stack: TestStack;
let other: ApiClient;
let account: string;
let session: string;
let theirs: string;
beforeAll(async () => {
  stack = await startTestStack();
  other = await stack.client('another tenant');
  ({ id: account, session } = await wasenderAccount(stack, stack.api, people));
  ({ id: theirs } = await wasenderAccount(stack, other, { ...people, size: 5 }));
});
afterAll(() => stack?.stop());

const list = (query = ''): Promise<any[]> => everyPage(stack.api, `/api/v1/contacts?account=${account}${query}`);
const show = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/contacts/${id}`)).body;
const edit = (id: string, body: object) => stack.api.patch(`/api/v1/contacts/${id}`, body);
const search = (q: string): Promise<any[]> => list(`&q=${encodeURIComponent(q)}`);
const idsOf = (contacts: any[]): string[] => contacts.map(({ id }) => id);

const sync = (): Promise<any> => syncContacts(stack.api, account);

describe('B7: the fields of contacts', () => {
  it('come from the address book, each with its origin', async () => {
    const contacts = await list();
    expect(contacts).toHaveLength(60);
    const business = contacts.find((one) => one.verified_name && one.saved_name && one.phone_number);
    expect(business).toMatchObject({
      account_id: account,
      is_business_account: true,
      wasender_sync_status: 'synced',
      wasender_jid: `${business.phone_number.slice(1)}@s.whatsapp.net`,
      name: business.saved_name,
      display_name: business.verified_name,
      groups: [],
      merged_into: null,
    });
    expect(Date.parse(business.last_updated_from_wasender)).toBeGreaterThan(0);
    for (const field of ['aliases', 'provenance', 'raw_wasender_data', 'merged'])
      expect(business).not.toHaveProperty(field);

    const whole = await show(business.id);
    expect(whole).toMatchObject(business);
    expect(whole.aliases).toContainEqual({ kind: 'jid', value: business.wasender_jid });
    expect(whole.merged).toEqual([]);
    expect(whole.provenance.verified_name).toEqual({
      source: 'provider',
      provider: 'wasender',
      at: business.created_at,
    });
    expect(whole.provenance.name).toMatchObject({ source: 'provider', field: 'saved_name' });
    expect(whole.raw_wasender_data).toMatchObject({ id: business.wasender_jid, verifiedName: business.verified_name });

    const unsaved = contacts.find((one) => one.push_name && !one.saved_name);
    expect(unsaved.name).toBe(unsaved.push_name);
    expect((await show(unsaved.id)).provenance.name).toMatchObject({ field: 'push_name' });
  });

  it("show the provider's entry only to keys with the scope raw", async () => {
    const { body: key } = await stack.api.post('/api/v1/api-keys', { name: 'reader', scopes: ['read'] });
    const [first] = await list();
    const answer = await fetch(`${stack.api.url}/api/v1/contacts/${first.id}`, {
      headers: { authorization: `Bearer ${key.key ?? key.api_key}` },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).not.toHaveProperty('raw_wasender_data');
  });

  it("keep edits over the provider's values until null removes them", async () => {
    const saved = (await list()).find((one) => one.saved_name && !one.verified_name);
    const edited = await edit(saved.id, { name: ' Ana 🪁 ', company: 'Acme', groups: ['vip', 'vip', ' spring '] });
    expect(edited.status).toBe(200);
    expect(edited.body).toMatchObject({
      name: 'Ana 🪁',
      display_name: 'Ana 🪁',
      saved_name: saved.saved_name,
      company: 'Acme',
      groups: ['vip', 'spring'],
      provenance: { name: { source: 'edit', provider: null }, company: { source: 'edit', provider: null } },
    });
    await stack.control.patch('/address-book', { session, change: 1 });
    expect((await sync()).updated).toBeGreaterThan(50);
    const synced = await show(saved.id);
    expect(synced).toMatchObject({ name: 'Ana 🪁', company: 'Acme', groups: ['vip', 'spring'] });
    expect(synced.whatsapp_status).toMatch(/^News/);

    const back = await edit(saved.id, { name: null, company: null, groups: [] });
    expect(back.body).toMatchObject({ name: synced.saved_name, company: null, groups: [] });
    expect(back.body.provenance.name).toMatchObject({ source: 'provider', field: 'saved_name' });
    expect(back.body.provenance).not.toHaveProperty('company');
  });

  it('refuse malformed edits', async () => {
    const [{ id }] = (await list()) as [any];
    for (const body of [{ name: '' }, { name: '   ' }, { groups: [''] }, { groups: null }, { company: 5 }])
      expect(await edit(id, body)).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
  });
});

describe('B8: display names', () => {
  it('follow the priority verified name, name, company, formatted number', async () => {
    const contacts = await list();
    const nameless = contacts.find((one) => !one.name && !one.verified_name && one.phone_number);
    expect(nameless.display_phone).toMatch(/^\+\d+ \d/);
    expect(nameless.display_phone.replace(/\D/g, '')).toBe(nameless.phone_number.slice(1));
    expect(nameless.display_name).toBe(nameless.display_phone);
    const named = (body: object) => edit(nameless.id, body).then((answer) => answer.body.display_name);
    expect(await named({ company: 'Acme' })).toBe('Contact from Acme');
    expect(await named({ name: 'Zoë' })).toBe('Zoë');
    expect(await named({ name: null, company: null })).toBe(nameless.display_phone);
    const verified = contacts.find((one) => one.verified_name && one.name);
    expect(verified.display_name).toBe(verified.verified_name);
  });
});

describe('GET /contacts', () => {
  it('returns each contact once over several pages, whatever the page size', async () => {
    const whole = idsOf(await list());
    expect(new Set(whole).size).toBe(60);
    expect(idsOf(await everyPage(stack.api, `/api/v1/contacts?account=${account}`, 7))).toEqual(whole);
    expect(idsOf(await everyPage(stack.api, '/api/v1/contacts', 59))).toEqual(whole);
    expect((await stack.api.get('/api/v1/contacts?cursor=nonsense')).status).toBe(422);
  });

  it('is empty when no contact matches', async () => {
    const fresh = await stack.client('fresh');
    expect((await fresh.get('/api/v1/contacts')).body).toEqual({ items: [], next_cursor: null });
    expect(await list('&group=nobody')).toEqual([]);
    expect(await search('no such name')).toEqual([]);
    expect(await list('&synced=false')).toEqual([]);
    expect(await list('&synced=true')).toHaveLength(60);
  });

  it('searches names in any case, with emoji, accents and pattern characters', async () => {
    const emoji = (await list()).find((one) => /\p{Extended_Pictographic}/u.test(one.saved_name ?? ''));
    expect(idsOf(await search(emoji.saved_name))).toContain(emoji.id);
    expect(idsOf(await search(emoji.saved_name.toUpperCase()))).toContain(emoji.id);
    const [sign] = /\p{Extended_Pictographic}\S*/u.exec(emoji.saved_name) as unknown as [string];
    const found = await search(sign);
    expect(idsOf(found)).toContain(emoji.id);
    for (const one of found) expect(`${one.name} ${one.push_name}`).toContain(sign);

    await edit(emoji.id, { name: 'Zoë ÅSTRÖM (100%_a.b*)', company: 'Łódź & Söhne' });
    for (const q of [
      'zoë',
      'ÅSTRÖM',
      'åström',
      'Åström ZOË',
      '100%_',
      'a.b*)',
      '(100',
      'łódź',
      'SÖHNE',
      emoji.push_name,
    ])
      expect([q, idsOf(await search(q)).includes(emoji.id)]).toEqual([q, true]);
    for (const q of ['zo%', 'a.b*x', 'zoë nobody', '.*', '\\']) expect([q, await search(q)]).toEqual([q, []]);
    await edit(emoji.id, { name: null, company: null });
    const verified = (await list()).find((one) => one.verified_name);
    expect(idsOf(await search(verified.verified_name.toLowerCase()))).toContain(verified.id);
  });

  it('searches numbers by their digits, in any spelling', async () => {
    const one = (await list()).find((contact) => contact.phone_number);
    const digits = one.phone_number.slice(1);
    const spellings = [
      one.phone_number,
      one.display_phone,
      digits.slice(2),
      digits,
      one.display_phone.replaceAll(' ', '-'),
    ];
    for (const q of [...spellings, one.display_phone.replaceAll(' ', '\u00a0'), digits.slice(-6)])
      expect([q, idsOf(await search(q)).includes(one.id)]).toEqual([q, true]);
    expect(idsOf(await search(`0${digits.slice(2)}`))).toContain(one.id);
  });

  it('filters by group', async () => {
    const [a, b] = (await list()) as [any, any];
    await edit(a.id, { groups: ['blue', 'red, "quoted" {x} \\'] });
    await edit(b.id, { groups: ['blue'] });
    expect(idsOf(await list('&group=blue'))).toEqual([a.id, b.id]);
    expect(idsOf(await list(`&group=${encodeURIComponent('red, "quoted" {x} \\')}`))).toEqual([a.id]);
    await edit(a.id, { groups: [] });
    await edit(b.id, { groups: [] });
  });
});

describe('SECURITY: tenants', () => {
  it("see their own contacts only; another tenant's contact is unknown", async () => {
    const [foreign] = (await everyPage(other, '/api/v1/contacts')) as [any];
    const [mine] = (await list()) as [any];
    expect(foreign.account_id).toBe(theirs);
    for (const id of [foreign.id, unknown, 'x']) {
      const answers = [
        await stack.api.get(`/api/v1/contacts/${id}`),
        await edit(id, { name: 'mine now' }),
        await stack.api.delete(`/api/v1/contacts/${id}`),
        await stack.api.post('/api/v1/contacts/merge', { contact_ids: [mine.id, id] }),
        await stack.api.post(`/api/v1/contacts/${id}/unmerge`),
        await stack.api.post('/api/v1/contacts/bulk', { contact_ids: [mine.id, id], set: { groups: ['x'] } }),
      ];
      for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    for (const path of [`/contacts?account=${theirs}`, `/contacts/stats?account=${theirs}`, `/syncs?account=${theirs}`])
      expect((await stack.api.get(`/api/v1${path}`)).status).toBe(404);
    const bulk = { filter: { account: theirs }, set: { groups: ['x'] } };
    expect((await stack.api.post('/api/v1/contacts/bulk', bulk)).status).toBe(404);
    expect((await show(mine.id)).groups).toEqual([]);
    expect((await other.get(`/api/v1/contacts/${foreign.id}`)).body).toMatchObject(foreign);
  });
});

describe('B9: SQL for operators', () => {
  it("returns the documented statements' results", async () => {
    const run = (sql: string): Promise<any[]> => stack.worker.context.db.system((em) => em.execute(sql));
    expect(await run('SELECT * FROM contacts_enriched WHERE is_wasender_synced = true LIMIT 10')).toHaveLength(10);
    const synced = await run(
      `SELECT phone_number, name, verified_name, last_updated_from_wasender FROM contacts
       WHERE wasender_sync_status = 'synced' ORDER BY last_updated_from_wasender DESC`,
    );
    expect(synced.length).toBeGreaterThanOrEqual(65);
  });
});

it('deletes a contact; the next sync may create it again under another id', async () => {
  const removed = (await list()).find((one) => one.saved_name);
  expect((await stack.api.delete(`/api/v1/contacts/${removed.id}`)).status).toBe(204);
  expect((await stack.api.get(`/api/v1/contacts/${removed.id}`)).status).toBe(404);
  expect((await stack.api.delete(`/api/v1/contacts/${removed.id}`)).status).toBe(404);
  expect(await list()).toHaveLength(59);
  expect((await sync()).inserted).toBe(1);
  const back = (await list()).find((one) => one.wasender_jid === removed.wasender_jid);
  expect(back).toMatchObject({ name: removed.name });
  expect(back.id).not.toBe(removed.id);
});

it('answers as the document describes', async () => {
  const document = await readDocument(stack.api);
  const [first] = (await list()) as [any];
  for (const [path, asked] of [
    ['/contacts', '/contacts'],
    ['/contacts/{id}', `/contacts/${first.id}`],
    ['/contacts/stats', '/contacts/stats'],
  ]) {
    const operation = document.operations.find(({ name }) => name === `GET /api/v1${path}`)!;
    const { status, body } = await stack.api.get(`/api/v1${asked}`);
    expect(document.wrongWith(operation, status, body)).toBeNull();
  }
});
