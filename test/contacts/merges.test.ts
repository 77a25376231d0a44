import { startTestStack, type TestStack } from '../support/stack.ts';
import { createContactSyncs, type ContactSyncs } from './contact-syncs.ts';

let stack: TestStack;
let syncs: ContactSyncs;
beforeAll(async () => {
  stack = await startTestStack({ WASENDER_AUTO_SYNC_ENABLED: 'false' });
  syncs = createContactSyncs(stack);
});
afterAll(() => stack?.stop());

const people = (id: string): Promise<any[]> =>
  syncs.query('select * from contacts where account_id = ? and merged_into is null order by id', [id]);
const merge = (...contact_ids: string[]) => stack.api.post('/api/v1/contacts/merge', { contact_ids });
const unmerge = (one: string) => stack.api.post(`/api/v1/contacts/${one}/unmerge`);
const show = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/contacts/${id}`)).body;

it('B12: undoing merges one after the other restores each contact', async () => {
  const { id } = await syncs.connected({ size: 60, seed: 'k' });
  const all = await people(id);
  const nameless = all.find((one) => one.name === null && one.phone_number !== null);
  const [named, third] = all.filter((one) => one.name !== null);
  const ids = [nameless.id, named.id, third.id];
  const show = async () => {
    const shown = await Promise.all(ids.map(async (one) => (await stack.api.get(`/api/v1/contacts/${one}`)).body));
    return shown.map(({ updated_at: _at, ...rest }) => rest);
  };
  await stack.api.patch(`/api/v1/contacts/${named.id}`, { company: 'Example Ltd', groups: ['vip', 'spring'] });
  await stack.api.patch(`/api/v1/contacts/${nameless.id}`, { groups: ['spring', 'team'] });
  const before = await show();
  const merge = (...contact_ids: string[]) => stack.api.post('/api/v1/contacts/merge', { contact_ids });
  const unmerge = (one: string) => stack.api.post(`/api/v1/contacts/${one}/unmerge`);
  for (const leaving of [[third.id], [named.id, nameless.id], [nameless.id, named.id]]) {
    await merge(nameless.id, named.id);
    const brought = { name: named.name, company: 'Example Ltd', groups: ['spring', 'team', 'vip'] };
    expect((await show())[0]).toMatchObject(brought);
    await merge(third.id, nameless.id);
    const [, , last] = await show();
    expect(last).toMatchObject({ company: 'Example Ltd', provenance: { company: { from: named.id } } });
    expect(last.groups.toSorted()).toEqual(['spring', 'team', 'vip']);
    for (const one of leaving) await unmerge(one);
    expect(await show()).toEqual(before);
  }
});

it('B12: a value removed from a survivor does not return when the survivor is merged', async () => {
  const { id } = await syncs.connected({ size: 20, seed: 'n', lid_only: 0 });
  const [one, two, three] = (await people(id)).filter((person) => person.saved_name !== null);
  await stack.api.patch(`/api/v1/contacts/${two.id}`, { company: 'Example Ltd', name: 'Bo', groups: ['vip', 'team'] });
  await merge(one.id, two.id);
  await stack.api.patch(`/api/v1/contacts/${one.id}`, { company: null, name: null, groups: ['team'] });
  await merge(three.id, one.id);
  expect(await show(three.id)).toMatchObject({ company: null, name: three.name, groups: ['team'] });
  await unmerge(three.id);
  expect(await show(two.id)).toMatchObject({ company: 'Example Ltd', name: 'Bo', groups: ['vip', 'team'] });
  expect(await show(three.id)).toMatchObject({ company: null, name: three.name, groups: [] });
});

it('B12: a LID that an entry joined with a number is a LID again after the merge is undone', async () => {
  await syncs.variant('lid_translates', false);
  const { id } = await syncs.connected({ size: 6, seed: 'p', lid_only: 0, lid_twins: 1, nameless: 0 });
  // The numbers are removed and return, so that the LIDs are older.
  for (const one of await people(id))
    if (one.phone_number !== null) await stack.api.delete(`/api/v1/contacts/${one.id}`);
  await syncs.sync(id);
  await syncs.variant('list_lids', true);
  await syncs.sync(id);
  await syncs.variant('list_lids', false);
  const survivors = await Promise.all((await people(id)).map((one) => show(one.id)));
  expect(survivors).toHaveLength(6);
  for (const one of survivors) {
    expect([one.wasender_jid, one.merged.length]).toEqual([expect.stringMatching(/@s\.whatsapp\.net$/), 1]);
    await unmerge(one.merged[0]);
    expect(await show(one.id)).toMatchObject({
      wasender_jid: expect.stringMatching(/@lid$/),
      phone_number: null,
      raw_wasender_data: null,
      aliases: [{ kind: 'lid' }],
    });
    expect((await show(one.merged[0])).wasender_jid).toBe(one.wasender_jid);
  }
  await syncs.sync(id);
  expect((await people(id)).filter((one) => one.wasender_jid.endsWith('@lid'))).toHaveLength(6);
  await syncs.variant('lid_translates', true);
});

it('B1: contacts that are merged during a run count once', async () => {
  await syncs.variant('lid_translates', false);
  const { id, first } = await syncs.connected({ size: 100, seed: 'o', lid_only: 0, lid_twins: 0.5, nameless: 0 });
  expect(first.stats).toMatchObject({ total_fetched: 150, inserted: 150, duplicates: 0 });
  await syncs.variant('list_lids', true);
  const { stats } = await syncs.sync(id);
  await syncs.variant('list_lids', false);
  await syncs.variant('lid_translates', true);
  expect(await people(id)).toHaveLength(100);
  expect(stats).toMatchObject({ total_fetched: 150, successful_updates: 100, duplicates: 50, inserted: 0 });
  expect(stats.contacts_with_names + stats.contacts_without_names).toBe(100);
  expect(stats.updated + stats.unchanged).toBe(100);
});

it('B12: entries since a merge stay with the contact of their identity', async () => {
  const { id, session } = await syncs.connected({ size: 60, seed: 'l', lid_only: 0.3, nameless: 0 });
  const all = await people(id);
  const hidden = all.find((one) => one.phone_number === null && one.saved_name !== null);
  const other = all.find((one) => one.phone_number !== null && one.saved_name !== null);
  await merge(hidden.id, other.id);
  await stack.control.patch('/address-book', { session, change: 1 });
  await syncs.sync(id);
  // The number's entry decides from now on.
  const together = await show(hidden.id);
  expect(together).toMatchObject({ wasender_jid: other.wasender_jid, phone_number: other.phone_number });
  expect(together.provenance.saved_name).toMatchObject({ source: 'provider', from: other.id });
  expect(together.raw_wasender_data.id).toBe(other.wasender_jid);

  await unmerge(other.id);
  const apart = await show(hidden.id);
  expect(apart).toMatchObject({ wasender_jid: hidden.wasender_jid, phone_number: null, raw_wasender_data: null });
  expect(JSON.stringify(apart)).not.toContain(together.saved_name);
  await syncs.sync(id);
  const [one, two] = [await show(hidden.id), await show(other.id)];
  expect(one).toMatchObject({ wasender_jid: hidden.wasender_jid, phone_number: null });
  expect(two).toMatchObject({ wasender_jid: other.wasender_jid, saved_name: together.saved_name });
  expect(one.raw_wasender_data.id).toBe(hidden.wasender_jid);
  expect(one.saved_name).not.toBe(two.saved_name);
  // Each is changed by its own entry alone.
  await stack.control.patch('/address-book', { session, change: 1 });
  await syncs.sync(id);
  expect((await show(hidden.id)).wasender_jid).toBe(hidden.wasender_jid);
  expect((await show(hidden.id)).saved_name).not.toBe(one.saved_name);
});
