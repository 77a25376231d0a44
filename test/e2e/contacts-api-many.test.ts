import type { ApiClient } from '../support/client.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, syncContacts, wasenderAccount } from '../support/wasender-account.ts';

const people = { size: 60, seed: 'kite', nameless: 0.3, emoji: 0.4, business: 0.3, lid_only: 0.1 };

let stack: TestStack;
let other: ApiClient;
let account: string;
beforeAll(async () => {
  stack = await startTestStack();
  other = await stack.client('another tenant');
  ({ id: account } = await wasenderAccount(stack, stack.api, people));
  await wasenderAccount(stack, other, { ...people, size: 5 });
});
afterAll(() => stack?.stop());

const list = (query = ''): Promise<any[]> => everyPage(stack.api, `/api/v1/contacts?account=${account}${query}`);
const show = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/contacts/${id}`)).body;
const edit = (id: string, body: object) => stack.api.patch(`/api/v1/contacts/${id}`, body);
const idsOf = (contacts: any[]): string[] => contacts.map(({ id }) => id);

const sync = (): Promise<any> => syncContacts(stack.api, account);
const byText = (a: string, b: string): number => (a < b ? -1 : 1);

describe('B12: merge, bulk updates, metrics', () => {
  it('merges duplicates into the first, which fills its gaps, and undoes the merge', async () => {
    const contacts = await list();
    const nameless = contacts.find((one) => !one.name && !one.verified_name && one.phone_number);
    const named = contacts.find((one) => one.verified_name && one.saved_name);
    const third = contacts.find((one) => one.saved_name && one.id !== named.id);
    const before = await Promise.all([nameless, named, third].map(({ id }) => show(id)));
    const merged = await stack.api.post('/api/v1/contacts/merge', { contact_ids: [nameless.id, named.id, third.id] });
    expect(merged.status).toBe(200);
    expect(merged.body).toMatchObject({
      id: nameless.id,
      verified_name: named.verified_name,
      display_name: named.verified_name,
      phone_number: nameless.phone_number,
      merged: [named.id, third.id].toSorted(byText),
      provenance: { verified_name: { source: 'merge', provider: 'wasender', from: named.id } },
    });
    expect(merged.body.aliases).toHaveLength(before.reduce((sum, one) => sum + one.aliases.length, 0));
    const left = idsOf(await list());
    expect(left).toContain(nameless.id);
    for (const { id } of [named, third]) {
      expect(left).not.toContain(id);
      expect(await show(id)).toMatchObject({ id, merged_into: nameless.id });
      const refused = [await edit(id, { name: 'x' }), await stack.api.delete(`/api/v1/contacts/${id}`)];
      for (const answer of refused) {
        expect(answer).toMatchObject({ status: 409, body: { code: 'contact_merged' } });
        expect(answer.body.fix).toContain(nameless.id);
      }
    }
    // Neither a repeat nor a sync changes the merge.
    const again = await stack.api.post('/api/v1/contacts/merge', { contact_ids: [nameless.id, named.id] });
    expect(again.body).toMatchObject({ id: nameless.id, merged: merged.body.merged });
    await sync();
    expect(await list()).toHaveLength(58);

    const apart = await stack.api.post(`/api/v1/contacts/${named.id}/unmerge`);
    expect(apart).toMatchObject({ status: 200, body: { id: named.id, merged_into: null, unmerged: [named.id] } });
    const rest = await stack.api.post(`/api/v1/contacts/${nameless.id}/unmerge`);
    expect(rest.body).toMatchObject({ id: nameless.id, merged: [], unmerged: [third.id] });
    await sync();
    const after = await Promise.all([nameless, named, third].map(({ id }) => show(id)));
    const seen = (all: any[]) =>
      all.map(({ display_name, name, verified_name, aliases }) => [display_name, name, verified_name, aliases]);
    expect(seen(after)).toEqual(seen(before));
    expect((await stack.api.post(`/api/v1/contacts/${named.id}/unmerge`)).body.unmerged).toEqual([]);
  });

  it('refuses to merge contacts of two accounts, one with itself, and fewer than two', async () => {
    const second = await wasenderAccount(stack, stack.api, { size: 3, seed: 'second' });
    const [foreign] = (await everyPage(stack.api, `/api/v1/contacts?account=${second.id}`)) as [any];
    const [mine] = (await list()) as [any];
    for (const contact_ids of [[mine.id, foreign.id], [mine.id, mine.id], [mine.id], []]) {
      const { status, body } = await stack.api.post('/api/v1/contacts/merge', { contact_ids });
      expect([status, body.code]).toEqual([422, 'invalid_request']);
    }
    const { body } = await stack.api.post('/api/v1/contacts/merge', { contact_ids: [mine.id, foreign.id] });
    expect(body.fix).toContain('one account');
    expect((await show(mine.id)).merged).toEqual([]);
    // Lists without ?account= show both accounts.
    expect(await everyPage(stack.api, '/api/v1/contacts', 10)).toHaveLength(63);
  });

  it('changes many contacts by ids or by a search, and counts the changed ones', async () => {
    const contacts = await list();
    const bulk = (body: object) => stack.api.post('/api/v1/contacts/bulk', body);
    const three = idsOf(contacts.slice(0, 3));
    const changed = async (body: object) => (await bulk(body)).body.changed;
    expect(await changed({ contact_ids: three, set: { add_groups: ['a', 'b'] } })).toBe(3);
    expect(await changed({ contact_ids: [...three, three[0]], set: { add_groups: ['b'] } })).toBe(0);
    expect(await changed({ filter: { account, group: 'a' }, set: { remove_groups: ['a'], add_groups: ['c'] } })).toBe(
      3,
    );
    expect((await show(three[0]!)).groups).toEqual(['b', 'c']);
    expect(await changed({ filter: { account }, set: { company: 'Acme' } })).toBe(60);
    expect(await changed({ filter: { account, q: 'ACME' }, set: { company: 'Acme', groups: ['all'] } })).toBe(60);
    expect((await show(three[1]!)).provenance.company).toMatchObject({ source: 'edit' });
    expect(await changed({ filter: { synced: false }, set: { add_groups: ['unsynced'] } })).toBe(0);
    expect(await changed({ filter: {}, set: { company: null, groups: [] } })).toBe(60);
    expect(await show(three[2]!)).toMatchObject({ company: null, groups: [] });

    const fifty = (of: string) => Array.from({ length: 50 }, (_, n) => `${of}${n}`);
    expect(await changed({ contact_ids: three, set: { add_groups: fifty('a') } })).toBe(3);
    expect((await bulk({ contact_ids: three, set: { add_groups: fifty('b') } })).status).toBe(422);
    expect((await show(three[0]!)).groups).toEqual(fifty('a'));

    for (const body of [
      { set: { groups: ['x'] } },
      { contact_ids: three, filter: {}, set: { groups: ['x'] } },
      { contact_ids: three, set: {} },
      { contact_ids: [], set: { groups: [] } },
      { contact_ids: three, set: { groups: ['x'], add_groups: ['y'] } },
      { contact_ids: three, set: { add_groups: ['x'], remove_groups: ['x'] } },
      { filter: { acount: account }, set: { company: 'Example Ltd' } },
      { filter: {}, set: { company: 'Example Ltd', group: ['x'] } },
      { filter: {}, contact_id: three, set: { company: 'Example Ltd' } },
    ])
      expect(await bulk(body)).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
  });

  it('counts as the function for operators does, and returns the last runs', async () => {
    const contacts = await list();
    const { body: stats } = await stack.api.get(`/api/v1/contacts/stats?account=${account}`);
    expect(stats).toMatchObject({
      total_contacts: 60,
      synced_contacts: 60,
      not_synced_contacts: 0,
      contacts_with_names: contacts.filter((one) => one.verified_name ?? one.name).length,
      contacts_without_names: contacts.filter((one) => !(one.verified_name ?? one.name)).length,
      business_contacts: contacts.filter((one) => one.is_business_account).length,
      last_runs: [{ account_id: account, kind: 'contacts', state: 'succeeded' }],
    });
    expect(stats.last_runs[0].stats).toMatchObject({ total_fetched: 60, successful_updates: 60, failed_updates: 0 });
    expect(stats.last_sync).toBe(stats.last_runs[0].ended_at);

    const all = (await stack.api.get('/api/v1/contacts/stats')).body;
    const [counted] = await stack.worker.context.db.system((em) =>
      em.execute('select * from get_wasender_sync_stats()'),
    );
    // The function counts every tenant.
    expect(Number(counted!.total_contacts)).toBe(
      all.total_contacts + (await everyPage(other, '/api/v1/contacts')).length,
    );
    const fresh = await stack.client('nobody yet');
    expect((await fresh.get('/api/v1/contacts/stats')).body).toMatchObject({
      total_contacts: 0,
      last_sync: null,
      last_runs: [],
    });
  });
});
