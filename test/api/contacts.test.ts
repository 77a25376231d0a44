import { runSql } from '../support/run-sql.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { Contact } from '../../db/entities/contacts.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { oneOfEach, type Ids } from './fixture.ts';
import { startTestApi, type TestApi } from './support.ts';

let api: TestApi;
let ids: Ids;
beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(async () => {
  ids = await oneOfEach(api, api.client);
});
afterAll(() => api?.stop());

const show = async (id: string): Promise<any> => (await api.client.get(`/api/v1/contacts/${id}`)).body;
const edit = async (id: string, body: object): Promise<any> =>
  (await api.client.patch(`/api/v1/contacts/${id}`, body)).body;

/** Writes an entry of the provider, as a sync does. */
const saveEntry = (contactId: string, more: Partial<SeenContact>): Promise<unknown> =>
  api.context.db.system(async (em) => {
    const { tenantId, accountId, identity } = await em.findOneOrFail(Contact, { id: contactId });
    const entry: SeenContact = {
      id: identity ?? '',
      phone: `+${parseInt(identity ?? '', 10)}`,
      lid: null,
      name: null,
      pushName: null,
      verifiedName: null,
      company: null,
      isBusiness: false,
      status: null,
      raw: {},
      ...more,
    };
    return saveContacts(em, { tenantId, accountId, at: new Date(), vault: api.context.vault, keep: null }, [entry]);
  });

describe('B7: an edited company', () => {
  it("replaces the provider's, which returns at once when the edit is removed", async () => {
    expect(await show(ids.twin)).toMatchObject({ company: 'Acme', display_name: 'Contact from Acme' });
    expect((await edit(ids.twin, { company: 'Example Ltd' })).display_name).toBe('Contact from Example Ltd');
    expect((await edit(ids.twin, { company: 'Example & Co' })).company).toBe('Example & Co');
    const back = await edit(ids.twin, { company: null });
    expect(back).toMatchObject({ company: 'Acme', provenance: { company: { source: 'provider' } } });
    expect(await edit(ids.twin, { company: null })).toEqual(back);
  });

  it("is kept by syncs; the provider's newer value appears after the edit is removed and the next sync", async () => {
    await edit(ids.twin, { company: 'Example Ltd' });
    await saveEntry(ids.twin, { company: 'Acme Two' });
    expect((await show(ids.twin)).company).toBe('Example Ltd');
    await edit(ids.twin, { company: null });
    await saveEntry(ids.twin, { company: 'Acme Two' });
    expect((await show(ids.twin)).company).toBe('Acme Two');
  });

  it('changes nothing when it is repeated', async () => {
    const first = await edit(ids.twin, { company: 'Example Ltd' });
    api.clock.advance(60_000);
    expect(await edit(ids.twin, { company: 'Example Ltd' })).toEqual(first);
  });
});

/** Merges into the first. */
const merged = async (...contactIds: string[]): Promise<any> => {
  const { status, body } = await api.client.post('/api/v1/contacts/merge', { contact_ids: contactIds });
  expect(status).toBe(200);
  return body;
};
const apart = (id: string) => api.client.post(`/api/v1/contacts/${id}/unmerge`);
const kept = ({ updated_at: _at, last_updated_from_wasender: _told, ...rest }: any) => rest;

/** A third person in the account's address book. */
async function another(): Promise<string> {
  const more = await oneOfEach(api, api.client);
  await api.context.db.system(async (em) => {
    const { accountId } = await em.findOneOrFail(Contact, { id: ids.contact });
    await em.nativeUpdate(Contact, { id: more.twin }, { accountId });
  });
  return more.twin;
}

describe('B12: a merge', () => {
  it('moves edits of the merged contact to the survivor, and returns them when undone', async () => {
    await edit(ids.contact, { groups: ['spring'] });
    await edit(ids.twin, { name: 'Bo', company: 'Example Ltd', groups: ['vip', 'spring'] });
    const before = [await show(ids.contact), await show(ids.twin)];
    const body = await merged(ids.contact, ids.twin);
    const brought = { source: 'merge', provider: null, from: ids.twin };
    expect(body).toMatchObject({
      name: 'Bo',
      saved_name: before[0].saved_name,
      company: 'Example Ltd',
      groups: ['spring', 'vip'],
      merged: [ids.twin],
      provenance: { name: brought, company: brought },
    });
    await apart(ids.contact);
    expect([await show(ids.contact), await show(ids.twin)].map(kept)).toEqual(before.map(kept));
    // A sync between the two changes nothing.
    await merged(ids.contact, ids.twin);
    await saveEntry(ids.contact, { name: 'Cy', company: 'Acme Two' });
    expect(await show(ids.contact)).toMatchObject({ name: 'Bo', saved_name: 'Cy', company: 'Example Ltd' });
    await apart(ids.contact);
    await saveEntry(ids.contact, { name: 'Cy', company: 'Acme Two' });
    expect(await show(ids.contact)).toMatchObject({ name: 'Cy', company: 'Acme Two', groups: ['spring'] });
    expect(kept(await show(ids.twin))).toEqual(kept(before[1]));
  });

  it("keeps the survivor's own edits, also those made or removed after it", async () => {
    await saveEntry(ids.contact, { name: 'Ana', company: 'Acme Two' });
    await edit(ids.twin, { name: 'Bo', company: 'Example Ltd' });
    await edit(ids.contact, { name: 'Dee' });
    const before = await show(ids.twin);
    expect(await merged(ids.contact, ids.twin)).toMatchObject({ name: 'Dee', company: 'Example Ltd' });
    // A merged value becomes the survivor's own once it is written by hand.
    expect((await edit(ids.contact, { company: 'Example Ltd' })).provenance.company).toMatchObject({ source: 'edit' });
    await apart(ids.twin);
    expect(await show(ids.contact)).toMatchObject({ name: 'Dee', company: 'Example Ltd' });
    expect(await edit(ids.contact, { name: null, company: null })).toMatchObject({ name: 'Ana', company: 'Acme Two' });

    expect(await merged(ids.contact, ids.twin)).toMatchObject({ name: 'Bo', company: 'Example Ltd' });
    const provider = { source: 'provider', provider: 'unipile' };
    for (let n = 0; n < 2; n += 1)
      expect(await edit(ids.contact, { name: null, company: null })).toMatchObject({
        name: 'Ana',
        company: 'Acme Two',
        provenance: { name: provider, company: provider },
      });
    expect((await edit(ids.contact, { name: 'Eve' })).name).toBe('Eve');
    await apart(ids.twin);
    expect(await show(ids.contact)).toMatchObject({ name: 'Eve', company: 'Acme Two' });
    expect(kept(await show(ids.twin))).toEqual(kept(before));
  });

  it('removes the groups that it brought when undone, unless the survivor also has them by hand', async () => {
    await edit(ids.contact, { groups: ['own'] });
    await edit(ids.twin, { groups: ['vip', 'spring', 'team', 'late'] });
    expect((await merged(ids.contact, ids.twin)).groups).toEqual(['own', 'vip', 'spring', 'team', 'late']);
    const bulk = (set: object) => api.client.post('/api/v1/contacts/bulk', { contact_ids: [ids.contact], set });
    expect((await bulk({ add_groups: ['vip'] })).body.changed).toBe(1);
    expect((await bulk({ add_groups: ['vip'] })).body.changed).toBe(0);
    expect((await bulk({ remove_groups: ['spring', 'late'] })).body.changed).toBe(1);
    await edit(ids.contact, { groups: ['own', 'vip', 'team', 'late'] });
    await apart(ids.twin);
    expect((await show(ids.contact)).groups).toEqual(['own', 'vip', 'late']);
    expect((await show(ids.twin)).groups).toEqual(['vip', 'spring', 'team', 'late']);
  });

  it('is found by the names, numbers and groups of both contacts', async () => {
    await edit(ids.twin, { name: 'Bo Kite', groups: ['vip'] });
    const found = async (query: string) =>
      (await api.client.get(`/api/v1/contacts?account=${ids.account}&${query}`)).body.items.map((one: any) => one.id);
    await edit(ids.contact, { name: 'Ana' });
    await merged(ids.contact, ids.twin);
    const queries = ['q=bo', 'q=kite bo', 'q=39980902', 'q=acme', 'q=ana', 'q=39980901', 'group=vip'];
    for (const query of queries) expect(await found(query)).toEqual([ids.contact]);
    expect(await found('q=nobody')).toEqual([]);
    const change = { filter: { account: ids.account, group: 'vip' }, set: { add_groups: ['called'] } };
    expect((await api.client.post('/api/v1/contacts/bulk', change)).body.changed).toBe(1);
    await apart(ids.contact);
    expect([await found('q=bo'), await found('group=vip'), await found('group=called')]).toEqual([
      [ids.twin],
      [ids.twin],
      [ids.contact],
    ]);
  });

  it('keeps values of the remaining contact when another one leaves', async () => {
    const third = await another();
    await edit(ids.twin, { name: 'Bo', groups: ['vip', 'spring'] });
    await edit(third, { name: 'Cy', groups: ['vip'] });
    await merged(ids.contact, ids.twin, third);
    expect(await show(ids.contact)).toMatchObject({ name: 'Bo', groups: ['vip', 'spring'] });
    await apart(ids.twin);
    expect(await show(ids.contact)).toMatchObject({
      name: 'Cy',
      groups: ['vip'],
      provenance: { name: { source: 'merge', from: third } },
    });
  });

  it('removes the values that it filled in when undone, also under an edit', async () => {
    await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.contact, ids.twin] });
    await edit(ids.contact, { company: 'Example Ltd' });
    expect(await edit(ids.contact, { company: null })).toMatchObject({
      company: 'Acme',
      provenance: { company: { source: 'merge', from: ids.twin } },
    });
    await edit(ids.contact, { company: 'Example Ltd' });
    await api.client.post(`/api/v1/contacts/${ids.twin}/unmerge`);
    expect((await show(ids.contact)).company).toBe('Example Ltd');
    expect((await edit(ids.contact, { company: null })).company).toBeNull();
  });

  it('returns the same answer to a repeat under its Idempotency-Key', async () => {
    const ask = () =>
      api.client.post(
        '/api/v1/contacts/merge',
        { contact_ids: [ids.contact, ids.twin] },
        { 'idempotency-key': 'merge-1' },
      );
    const [one, two] = [await ask(), await ask()];
    expect(two.body).toEqual(one.body);
    expect(two.headers.get('idempotent-replayed')).toBe('true');
  });

  it('includes contacts that were merged into the others', async () => {
    const third = await another();
    await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.twin, third] });
    const { body } = await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.contact, ids.twin] });
    expect(new Set(body.merged)).toEqual(new Set([ids.twin, third]));
    expect((await show(third)).merged_into).toBe(ids.contact);
    expect((await api.client.delete(`/api/v1/contacts/${ids.contact}`)).status).toBe(204);
    expect((await api.client.get(`/api/v1/contacts/${third}`)).status).toBe(404);
  });
});

it('a sync of contacts waits in the database while Temporal is down', async () => {
  await api.context.db.system((em) =>
    em.execute("update accounts set provider = 'wasender' where id = ?", [ids.account]),
  );
  api.temporal.down = true;
  const path = `/api/v1/accounts/${ids.account}/syncs`;
  const { status, body } = await api.client.post(path, { kind: 'contacts', scope: { phone: '+33639980901' } });
  expect([status, body.state]).toEqual([202, 'running']);
  api.temporal.down = false;
  // The second request joins the waiting run.
  const second = await api.client.post(path, { kind: 'contacts', scope: { phone: '+33 6 39 98 09 01' } });
  expect(second.body.id).toBe(body.id);
  expect(api.temporal.syncs).toContain(ids.account);
});

it('applies concurrent changes of one contact one after the other', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(
    names.map((name) =>
      api.client.post('/api/v1/contacts/bulk', { contact_ids: [ids.contact, ids.twin], set: { add_groups: [name] } }),
    ),
  );
  for (const id of [ids.contact, ids.twin]) expect((await show(id)).groups.toSorted()).toEqual(names);
});

describe('letters that are written in two ways', () => {
  const [whole, apart] = ['Jos\u00e9', 'Jose\u0301'];

  it('are one owner', async () => {
    const { status, body } = await api.client.patch(`/api/v1/accounts/${ids.account}`, { owner: apart });
    expect([status, body.owner]).toEqual([200, whole]);
    for (const owner of [whole, apart]) {
      const found = await api.client.get(`/api/v1/accounts?owner=${encodeURIComponent(owner)}`);
      expect(found.body.items.map(({ id }: any) => id)).toContain(ids.account);
    }
  });

  it('are one group and one name', async () => {
    expect(await edit(ids.twin, { groups: [apart], name: `\u200e${apart}` })).toMatchObject({
      groups: [whole],
      name: whole,
    });
    for (const text of [whole, apart]) {
      const query = `account=${ids.account}&group=${encodeURIComponent(text)}&q=${encodeURIComponent(text)}`;
      const found = await api.client.get(`/api/v1/contacts?${query}`);
      expect(found.body.items.map(({ id }: any) => id)).toEqual([ids.twin]);
    }
  });

  it.each(['\u200e', '\u3164'])('but %j is no name', async (name) =>
    expect(await edit(ids.twin, { name })).toMatchObject({ status: 422, code: 'invalid_request' }),
  );
});

describe('a number without its country', () => {
  const help = 'Give the whole number with its country code';

  it.each<[string, string, (phone: string) => object]>([
    ['an erasure', '/erasures', (phone) => ({ phone })],
    ['an erasure by identity', '/erasures', (identity) => ({ identity })],
    ['a sync of one contact', '/contacts/sync', (phone_number) => ({ phone_number })],
    ['a sync with a scope', '/accounts/{id}/syncs', (phone) => ({ kind: 'contacts', scope: { phone } })],
  ])('is refused by %s, with what to do', async (_, path, body) => {
    for (const phone of ['06 39 98 00 01', '0639980001']) {
      const answer = await api.client.post(`/api/v1${path.replace('{id}', ids.account)}`, body(phone));
      expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
      expect(answer.body.fix).toContain(help);
    }
  });

  it.each([
    ['wasender', { phone_number: '06 39 98 00 01' }],
    ['unipile', { pairing_phone_number: '0639980001' }],
  ])('is refused by a login at %s, with what to do', async (provider, credentials) => {
    const body = { provider, channel: 'whatsapp', owner: 'maya', credentials };
    const answer = await api.client.post('/api/v1/accounts', body);
    expect([answer.status, answer.body.detail]).toEqual([422, expect.stringContaining(help)]);
  });
});

it('contacts that left the address book are shown, with since when, in the API and to operators', async () => {
  const since = '2026-01-02T03:04:05.000Z';
  await api.context.db.system((em) => em.nativeUpdate(Contact, { id: ids.twin }, { missingSince: new Date(since) }));
  expect((await show(ids.twin)).missing_since).toBe(since);
  const listed = async (query: string): Promise<string[]> =>
    (await api.client.get(`/api/v1/contacts?account=${ids.account}&${query}`)).body.items.map(({ id }: any) => id);
  expect(await listed('missing=true')).toEqual([ids.twin]);
  expect(await listed('missing=false')).toEqual([ids.contact]);
  const bulk = { filter: { account: ids.account, missing: true }, set: { add_groups: ['left'] } };
  expect((await api.client.post('/api/v1/contacts/bulk', bulk)).body).toEqual({ changed: 1 });
  const rows = await api.context.db.system((em) =>
    runSql<any>(em, 'select id from contacts_enriched where account_id = ? and missing_since is not null', [
      ids.account,
    ]),
  );
  expect(rows).toEqual([{ id: ids.twin }]);
});
