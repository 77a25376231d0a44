import { saveContacts } from '../../db/contacts/save-contacts.ts';
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

/** What a sync writes when the provider tells this of somebody. */
const told = (contactId: string, more: Partial<SeenContact>): Promise<unknown> =>
  api.context.db.system(async (em) => {
    const { tenantId, accountId, wasenderJid } = await em.findOneOrFail(Contact, { id: contactId });
    const entry: SeenContact = {
      id: wasenderJid ?? '',
      phone: `+${parseInt(wasenderJid ?? '', 10)}`,
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
  it("stands over the provider's, which is there again at once when the edit is taken back", async () => {
    expect(await show(ids.twin)).toMatchObject({ company: 'Acme', display_name: 'Contact from Acme' });
    expect((await edit(ids.twin, { company: 'Example Ltd' })).display_name).toBe('Contact from Example Ltd');
    expect((await edit(ids.twin, { company: 'Example & Co' })).company).toBe('Example & Co');
    const back = await edit(ids.twin, { company: null });
    expect(back).toMatchObject({ company: 'Acme', provenance: { company: { source: 'provider' } } });
    expect(await edit(ids.twin, { company: null })).toEqual(back);
  });

  it('is left alone by syncs; what they told meanwhile comes with the next one after it is taken back', async () => {
    await edit(ids.twin, { company: 'Example Ltd' });
    await told(ids.twin, { company: 'Acme Two' });
    expect((await show(ids.twin)).company).toBe('Example Ltd');
    await edit(ids.twin, { company: null });
    await told(ids.twin, { company: 'Acme Two' });
    expect((await show(ids.twin)).company).toBe('Acme Two');
  });

  it('does not change again where it is the same', async () => {
    const first = await edit(ids.twin, { company: 'Example Ltd' });
    api.clock.advance(60_000);
    expect(await edit(ids.twin, { company: 'Example Ltd' })).toEqual(first);
  });
});

describe('B12: a merge', () => {
  it('keeps edits of both, and gives them back', async () => {
    await edit(ids.twin, { name: 'Bo', groups: ['vip'] });
    const before = [await show(ids.contact), await show(ids.twin)];
    const { status, body } = await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.contact, ids.twin] });
    expect([status, body.name, body.company, body.merged]).toEqual([200, before[0].name, 'Acme', [ids.twin]]);
    await api.client.post(`/api/v1/contacts/${ids.contact}/unmerge`);
    const after = [await show(ids.contact), await show(ids.twin)];
    const kept = ({ name, company, groups, aliases }: any) => ({ name, company, groups, aliases });
    expect(after.map(kept)).toEqual(before.map(kept));
  });

  it('that is undone takes what it filled in along, also from under an edit', async () => {
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

  it('is answered again to a repeat under its Idempotency-Key', async () => {
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

  it('takes those who were merged into the others along', async () => {
    const more = await oneOfEach(api, api.client);
    await api.context.db.system(async (em) => {
      const { accountId } = await em.findOneOrFail(Contact, { id: ids.contact });
      await em.nativeUpdate(Contact, { id: more.twin }, { accountId });
    });
    await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.twin, more.twin] });
    const { body } = await api.client.post('/api/v1/contacts/merge', { contact_ids: [ids.contact, ids.twin] });
    expect(new Set(body.merged)).toEqual(new Set([ids.twin, more.twin]));
    expect((await show(more.twin)).merged_into).toBe(ids.contact);
    expect((await api.client.delete(`/api/v1/contacts/${ids.contact}`)).status).toBe(204);
    expect((await api.client.get(`/api/v1/contacts/${more.twin}`)).status).toBe(404);
  });
});

it('a sync of contacts waits in the database while Temporal is down', async () => {
  await api.context.db.system((em) =>
    em.execute("update accounts set provider = 'wasender' where id = ?", [ids.account]),
  );
  api.motion.down = true;
  const path = `/api/v1/accounts/${ids.account}/syncs`;
  const { status, body } = await api.client.post(path, { kind: 'contacts', scope: { phone: '+33639980901' } });
  expect([status, body.state]).toEqual([202, 'running']);
  api.motion.down = false;
  // The second wish joins the run that waits.
  const second = await api.client.post(path, { kind: 'contacts', scope: { phone: '+33 6 39 98 09 01' } });
  expect(second.body.id).toBe(body.id);
  expect(api.motion.syncs).toContain(ids.account);
});

it('takes what several writers do to one contact one after the other', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(
    names.map((name) =>
      api.client.post('/api/v1/contacts/bulk', { contact_ids: [ids.contact, ids.twin], set: { add_groups: [name] } }),
    ),
  );
  for (const id of [ids.contact, ids.twin]) expect((await show(id)).groups.toSorted()).toEqual(names);
});
