import { MockActivityEnvironment } from '@temporalio/testing';
import { syncActivities } from '../../activities/syncs.ts';
import { openContactsRun, openContactsRunAgain } from '../../db/queries/syncs/open-contacts-run.ts';
import { newId } from '../../platform/ids.ts';
import { eventually } from '../support/eventually.ts';
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

it('B1: reads the address book after a connection without a request, and counts each person once', async () => {
  const { id, first: run } = await syncs.connected({ size: 1200, seed: 'a' });
  expect(run).toMatchObject({ state: 'succeeded', reason: null, part: 1, cursor: null });
  const [{ n, named }] = await syncs.query(
    `select count(*)::int as n, count(coalesce(verified_name, name))::int as named from contacts where account_id = ?`,
    [id],
  );
  expect(n).toBe(1200);
  expect(run.stats).toEqual({
    total_fetched: 1200,
    successful_updates: 1200,
    failed_updates: 0,
    contacts_with_names: named,
    contacts_without_names: 1200 - named,
    inserted: 1200,
    updated: 0,
    unchanged: 0,
    duplicates: 0,
    skipped: 0,
    erased: 0,
  });
  expect(await syncs.query('select * from sync_pages')).toEqual([]);
});

it('A12: shows its counts in the heartbeats while it reads', async () => {
  const { id } = await syncs.connected({ size: 5000, seed: 'heartbeats' });
  const { context } = stack.worker;
  const [{ tenant_id: tenantId }] = await syncs.query('select tenant_id from accounts where id = ?', [id]);
  const { scope } = await context.db.system((em) =>
    openContactsRun(em, context.vault, { id, tenantId }, null, context.clock.now()),
  );
  const activity = new MockActivityEnvironment();
  const shown: unknown[] = [];
  activity.on('heartbeat', (details: unknown) => shown.push(details));
  const ref = { tenantId, accountId: id, scope, now: Date.now() };
  const end = await activity.run(syncActivities(context).syncContacts, ref);
  const counts = (read: number) => expect.objectContaining({ total_fetched: read, inserted: 0, unchanged: read });
  expect(end).toEqual({ more: false, state: 'succeeded', reason: null, counts: counts(5000) });
  expect(shown).toEqual([2000, 4000, 5000].map(counts));
});

it('B11: writes changed contacts only', async () => {
  const { id, session } = await syncs.connected({ size: 1200, seed: 'a' });
  const versions = () => syncs.query('select id, xmin::text from contacts where account_id = ? order by id', [id]);
  const before = await versions();
  const same = await syncs.sync(id);
  expect(same.stats).toMatchObject({ total_fetched: 1200, unchanged: 1200, updated: 0, inserted: 0 });
  expect(await versions()).toEqual(before);
  await stack.control.patch('/address-book', { session, change: 0.05 });
  const run = await syncs.sync(id);
  expect(run.stats).toMatchObject({ total_fetched: 1200, unchanged: 1140, updated: 60, inserted: 0 });
});

it('recognises a person by JID and LID, within a page and across pages, and counts repeats', async () => {
  await syncs.variant('list_lids', true);
  const { id, first } = await syncs.connected({
    size: 1000,
    seed: 'b',
    near_duplicates: 0.05,
    far_duplicates: 0.05,
    lid_twins: 0.1,
    emoji: 0.2,
    large_record: true,
  });
  await syncs.variant('list_lids', false);
  expect(await people(id)).toHaveLength(1000);
  expect(first.stats).toMatchObject({ failed_updates: 0, skipped: 0, successful_updates: 1000, inserted: 1000 });
  expect(first.stats.total_fetched).toBe(1000 + first.stats.duplicates);
  expect(first.stats.duplicates).toBeGreaterThan(0);
});

it('adds the numbers of LIDs, and merges contacts that turn out to be one person', async () => {
  const { id, first } = await syncs.connected({ size: 200, seed: 'c', lid_twins: 0.1, lid_only: 0.2 });
  const apart = await people(id);
  const lids = apart.filter((one) => one.phone_number === null);
  expect(first.stats.inserted).toBe(apart.length);
  expect(apart.length).toBeGreaterThan(200);
  await stack.trigger('fetchPictures');
  await eventually('no number unknown', async () => (await people(id)).every((one) => one.phone_number !== null));
  const together = await people(id);
  expect(together).toHaveLength(200);
  expect(lids.length).toBeGreaterThan(0);
  // The next sync undoes no merge and removes no number.
  expect((await syncs.sync(id)).stats).toMatchObject({ inserted: 0, updated: 0 });
  expect((await people(id)).map((one) => [one.id, one.phone_number])).toEqual(
    together.map((one) => [one.id, one.phone_number]),
  );
});

it('keeps edits of a LID when its number joins another contact, and returns them when undone', async () => {
  const { id } = await syncs.connected({ size: 60, seed: 'l', lid_twins: 0.3 });
  const lids = (await people(id)).filter((one) => one.phone_number === null);
  const written = { name: 'Bo', company: 'Example Ltd', groups: ['vip', 'a "b", {c}'] };
  for (const lid of lids) await stack.api.patch(`/api/v1/contacts/${lid.id}`, written);
  await stack.trigger('fetchPictures');
  await eventually('no number unknown', async () => (await people(id)).every((one) => one.phone_number !== null));
  const joined = await syncs.query('select id, merged_into from contacts where merged_into = any(?::uuid[])', [
    `{${(await people(id)).map((one) => one.id).join(',')}}`,
  ]);
  expect(joined.length).toBeGreaterThan(0);
  const show = async (one: string): Promise<any> => (await stack.api.get(`/api/v1/contacts/${one}`)).body;
  for (const { id: lid, merged_into: survivor } of joined) {
    expect(await show(survivor)).toMatchObject({ ...written, provenance: { name: { source: 'merge', from: lid } } });
    const { body } = await stack.api.get(`/api/v1/contacts?account=${id}&group=vip&q=bo`);
    expect(body.items.map((one: any) => one.id)).toContain(survivor);
  }
  const [{ id: lid, merged_into: survivor }] = joined;
  await syncs.sync(id);
  expect(await show(survivor)).toMatchObject(written);
  // Each of the group is fetched once, by number.
  const asked = await syncs.sync(id, { group: 'vip' });
  expect(asked.stats).toMatchObject({ total_fetched: lids.length, duplicates: 0 });
  await stack.api.post(`/api/v1/contacts/${lid}/unmerge`);
  expect(await show(survivor)).toMatchObject({ company: null, groups: [] });
  expect((await show(survivor)).name).not.toBe('Bo');
  expect(await show(lid)).toMatchObject({ ...written, provenance: { name: { source: 'edit' } } });
});

it('stores right rows while a third of the calls fails', async () => {
  const rates = { rate_429: 0.15, rate_500: 0.15 };
  const { id } = await syncs.connected({ size: 600, seed: 'd' });
  await stack.control.put('/faults', { provider: 'wasender', ...rates, seed: 5 });
  for (let n = 0; n < 6; n += 1) {
    const run = await syncs.sync(id);
    expect(run).toMatchObject({ state: 'succeeded', stats: { total_fetched: 600, unchanged: 600, failed_updates: 0 } });
  }
  await stack.control.put('/faults', { provider: 'wasender' });
});

it('misses nobody when people are removed during the reading', async () => {
  const { id, session } = await syncs.connected({ size: 2600, seed: 'e' });
  const run = await syncs.start(id);
  await stack.control.patch('/address-book', { session, change: 0.1, remove: 0.05 });
  const { stats } = await syncs.ended(run);
  const again = await syncs.sync(id);
  // The second run only has entries that changed after the first had read them.
  expect(again.stats).toMatchObject({ total_fetched: 2470, inserted: 0, failed_updates: 0 });
  expect(stats.inserted).toBe(0);
  expect(await people(id)).toHaveLength(2600);
});

it('B2: reads one person alone, also during a whole sync, and names unknown numbers', async () => {
  const { id } = await syncs.connected({ size: 3000, seed: 'f' });
  const some = (await people(id)).filter((one) => one.phone_number !== null).slice(0, 8);
  const all = await syncs.start(id);
  const runs = await Promise.all(some.map((one) => syncs.sync(id, { phone: one.phone_number })));
  for (const run of runs)
    expect(run).toMatchObject({ state: 'succeeded', stats: { total_fetched: 1, successful_updates: 1 } });
  expect((await syncs.ended(all)).stats).toMatchObject({ total_fetched: 3000, unchanged: 3000 });
  expect(await syncs.sync(id, { phone: '+33639980000' })).toMatchObject({ state: 'failed', reason: 'not_found' });
});

it.each([
  ['contact_key', 'documented', 'id'],
  ['list_pictures', false, true],
])('B11: the list and the single answer, spelled in two ways (%s), do not alternate', async (name, value, usual) => {
  await syncs.variant(name, value);
  const { id } = await syncs.connected({ size: 20, seed: `turns ${name}` });
  const someone = (await people(id)).find((one) => one.phone_number !== null);
  await syncs.sync(id, { phone: someone.phone_number });
  const turns = [];
  for (const target of [null, { phone: someone.phone_number }, null])
    turns.push((await syncs.sync(id, target)).stats.updated);
  await syncs.variant(name, usual);
  expect(turns).toEqual([0, 0, 0]);
});

it('B12: reads a group of people one by one', async () => {
  const { id, session } = await syncs.connected({ size: 60, seed: 'g' });
  const chosen = (await people(id)).slice(0, 25).map((one) => one.id);
  await syncs.query(`update contacts set groups = '{vip}' where id = any(?::uuid[])`, [`{${chosen.join(',')}}`]);
  await stack.control.patch('/address-book', { session, change: 1 });
  const run = await syncs.sync(id, { group: 'vip' });
  expect(run).toMatchObject({ state: 'succeeded', stats: { total_fetched: 25, updated: 25, skipped: 0 } });
  expect((await syncs.sync(id)).stats).toMatchObject({ updated: 35, unchanged: 25 });
});

it('joins two concurrent starts into one run, which repeats once', async () => {
  const { id, session } = await syncs.connected({ size: 10, seed: 'h' });
  await stack.control.put('/address-book', { session, size: 1500, seed: 'hh' });
  const [one, two] = await Promise.all([syncs.start(id), syncs.start(id)]);
  expect(one).toBe(two);
  expect(await syncs.ended(one)).toMatchObject({
    state: 'succeeded',
    again: false,
    stats: { total_fetched: 1500, inserted: 1500, unchanged: 0, duplicates: 0 },
  });
  expect(await syncs.query(`select * from sync_runs where account_id = ? and kind = 'contacts'`, [id])).toHaveLength(2);
});

it('two accounts with the same person keep their own name of it', async () => {
  const [one, two] = [
    await syncs.connected({ size: 5, seed: 'same' }),
    await syncs.connected({ size: 5, seed: 'same' }),
  ];
  await stack.control.patch('/address-book', { session: two.session, change: 1 });
  await syncs.sync(two.id);
  const names = async (id: string) => (await people(id)).map((person) => [person.wasender_jid, person.name]);
  const [first, second] = [await names(one.id), await names(two.id)];
  expect(new Set(first.map(([jid]) => jid))).toEqual(new Set(second.map(([jid]) => jid)));
  expect(first).not.toEqual(second);
});

it("A6: a disconnect ends the account's syncs, and discards pages read after it", async () => {
  const { id } = await syncs.connected({ size: 3000, seed: 'i' });
  const run = await syncs.start(id);
  await stack.api.delete(`/api/v1/accounts/${id}`);
  expect((await syncs.ended(run)).state).toMatch(/cancelled|succeeded/);
  await stack.api.account(id, 'disconnected');
  expect(await people(id)).toHaveLength(3000);
  const [account] = await syncs.query(
    'select contacts_due_at, contacts_again_at, pictures_due_at from accounts where id = ?',
    [id],
  );
  expect(account).toEqual({ contacts_due_at: null, contacts_again_at: null, pictures_due_at: null });
});

it('counts nobody twice when a run was killed between its last page and its end', async () => {
  const { id, first } = await syncs.connected({ size: 30, seed: 'j' });
  // The state after a kill: everything is read and counted, nothing ended.
  const { tenant_id: tenantId, stats } = first;
  await syncs.query(
    `insert into sync_runs (id, tenant_id, account_id, kind, state, dry_run, again, stats, started_at, cursor, part)
     values (?, ?, ?, 'contacts', 'running', false, false, ?::jsonb, now() - interval '1 hour', 'end', 1)`,
    [newId(), tenantId, id, JSON.stringify(stats)],
  );
  const asked = await stack.control.count('GET', '/api/contacts');
  const [run] = await syncs.query(`select id from sync_runs where account_id = ? and state = 'running'`, [id]);
  expect(await syncs.ended(run.id)).toMatchObject({ state: 'succeeded', stats });
  expect(await stack.control.count('GET', '/api/contacts')).toBe(asked);
});

it('B12: merging by an entry includes contacts merged earlier', async () => {
  const { id } = await syncs.connected({ size: 20, seed: 'm', lid_twins: 0.5 });
  const all = await people(id);
  const numbered = all.filter((one) => one.phone_number !== null);
  const lids = all.filter((one) => one.phone_number === null);
  expect(lids).toHaveLength(10);
  const write = (one: any, body: object) =>
    stack.api.patch(`/api/v1/contacts/${one.id}`, { ...body, groups: [`of ${one.id}`] });
  for (const [n, one] of numbered.entries()) await write(one, n < lids.length ? { company: 'Example Ltd' } : {});
  for (const lid of lids) await write(lid, { name: 'Bo' });
  const shown = () =>
    syncs.query('select id, name, company, groups from contacts where account_id = ? order by id', [id]);
  const before = await shown();
  for (const [n, lid] of lids.entries())
    await stack.api.post('/api/v1/contacts/merge', { contact_ids: [lid.id, numbered[n].id] });

  await syncs.variant('list_lids', true);
  await syncs.sync(id);
  await syncs.variant('list_lids', false);
  const together = await people(id);
  expect(together.length).toBeLessThan(20);
  const families = await syncs.query(
    'select coalesce(merged_into, id) as root, id from contacts where account_id = ? order by id',
    [id],
  );
  for (const one of together) {
    const family = families.filter(({ root }) => root === one.id).map((member) => member.id);
    expect(one.groups.toSorted()).toEqual(family.map((member) => `of ${member}`));
    if (family.some((member) => lids.some((lid) => lid.id === member)))
      expect(one).toMatchObject({ name: 'Bo', company: 'Example Ltd' });
  }
  for (const one of together) await stack.api.post(`/api/v1/contacts/${one.id}/unmerge`);
  expect(await shown()).toEqual(before);
});

describe('ten minutes after a connection', () => {
  const runs = (id: string): Promise<any[]> =>
    syncs.query(`select state, stats from sync_runs where account_id = ? and kind = 'contacts' order by id`, [id]);
  const later = () => stack.control.post('/clock', { advance_seconds: 600 });
  const read = (id: string, times: number) =>
    eventually(`${times} reads`, async () => {
      const all = await runs(id);
      return all.length === times && all.every(({ state }) => state === 'succeeded') && all;
    });

  it('B1: reads the address book once more, for people whose phone was still syncing, and not again', async () => {
    const { id, session } = await syncs.connected({ size: 5, seed: 'l' });
    await stack.control.put('/faults', { provider: 'wasender', webhook_drop: 1 });
    await stack.control.put('/address-book', { session, size: 50, seed: 'l' });
    await later();
    expect((await read(id, 2))[1].stats).toMatchObject({ total_fetched: 50, inserted: 45, updated: 0, unchanged: 5 });
    expect(await people(id)).toHaveLength(50);
    await stack.control.put('/faults', { provider: 'wasender' });

    const next = await syncs.connected({ size: 5, seed: 'm' });
    await later();
    await read(next.id, 2);
    expect(await runs(id)).toHaveLength(2);
  });

  it('repeats this after a reconnection', async () => {
    const { id, session } = await syncs.connected({ size: 5, seed: 'n' });
    await later();
    await read(id, 2);
    await stack.control.post('/drop', { session, status: 'logged_out' });
    await stack.api.account(id, 'reconnect_required');
    await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    await stack.control.post('/scan', { session });
    await stack.api.account(id, 'active');
    await read(id, 3);
    await later();
    await read(id, 4);
  });

  it('runs in one of several workers', async () => {
    const { id, first } = await syncs.connected({ size: 5, seed: 'o' });
    const { db, clock } = stack.worker.context;
    const then = new Date(clock.now().getTime() + 600_000);
    const account = { id, tenantId: first.tenant_id };
    const opened = await Promise.all(
      Array.from({ length: 5 }, () => db.system((em) => openContactsRunAgain(em, account, then))),
    );
    expect(opened.filter(Boolean)).toHaveLength(1);
    expect(await runs(id)).toHaveLength(2);
  });
});
