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

/** The address book as WASender lists it, without the product. */
async function listed(session: string): Promise<any[]> {
  const ask = async (path: string, key: string): Promise<any> => {
    const answer = await fetch(`${stack.config.providers['wasender']?.['base_url']}${path}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    return ((await answer.json()) as { data: any }).data;
  };
  const { api_key: key } = await ask(`/whatsapp-sessions/${session}`, '1|sandbox-pat');
  return ask('/contacts', key);
}

const nasty = {
  size: 3000,
  seed: 'bad day',
  nameless: 0.2,
  unsaved: 0.2,
  lid_only: 0.2,
  emoji: 0.2,
  business: 0.2,
  near_duplicates: 0.05,
  far_duplicates: 0.05,
  large_record: true,
};

/** Each person once, by identity; the first entry has the fields that a second one lacks. */
function peopleOf(entries: any[]): Map<string, any> {
  const people = new Map<string, any>();
  for (const entry of entries) people.set(entry.id, { ...entry, ...people.get(entry.id) });
  return people;
}

const written = async (id: string): Promise<any[]> =>
  syncs.query(
    `select wasender_jid, phone_number, saved_name, push_name, verified_name, whatsapp_status, is_business_account
     from contacts where account_id = ? order by wasender_jid`,
    [id],
  );

const expected = (entries: any[]): any[] =>
  [...peopleOf(entries).values()]
    .map((one) => ({
      wasender_jid: one.id,
      phone_number: one.id.endsWith('@lid') ? null : `+${one.id.split('@')[0]}`,
      saved_name: one.name ?? null,
      push_name: one.notify ?? null,
      verified_name: one.verifiedName ?? null,
      whatsapp_status: one.status ?? null,
      is_business_account: Boolean(one.verifiedName),
    }))
    .toSorted((a, b) => (a.wasender_jid < b.wasender_jid ? -1 : 1));

it('a sync stores right rows and a clear report from a bad address book while a third of the calls fails', async () => {
  const { id, session } = await syncs.connected({ size: 0, seed: 'empty' });
  await stack.control.put('/address-book', { session, ...nasty });
  await stack.control.put('/faults', {
    provider: 'wasender',
    rate_429: 0.15,
    rate_500: 0.15,
    webhook_drop: 1,
    seed: 3,
  });
  const first = await syncs.sync(id);
  await stack.control.patch('/address-book', { session, change: 0.1, remove: 0.05 });
  const second = await syncs.sync(id);
  await stack.control.put('/faults', { provider: 'wasender' });

  const removed = 150;
  const now = await listed(session);
  expect(peopleOf(now).size).toBe(3000 - removed);
  const rows = await written(id);
  const present = new Set(now.map((one) => one.id));
  // A contact that the list lacks is not removed: the list may be partial.
  expect(rows).toHaveLength(3000);
  expect(rows.filter((one) => present.has(one.wasender_jid))).toEqual(expected(now));

  expect(first).toMatchObject({ state: 'succeeded', reason: null });
  expect(first.stats).toMatchObject({
    total_fetched: 3300,
    successful_updates: 3000,
    inserted: 3000,
    updated: 0,
    unchanged: 0,
    duplicates: 300,
    failed_updates: 0,
    skipped: 0,
  });
  expect(first.stats.contacts_with_names + first.stats.contacts_without_names).toBe(3000);
  expect(second.stats).toMatchObject({ total_fetched: now.length, inserted: 0, failed_updates: 0 });
  expect(second.stats.updated + second.stats.unchanged).toBe(2850);
  expect(second.stats.updated).toBeGreaterThan(200);
});

it('a record of 200 KB is stored unchanged and sealed', async () => {
  const { id, session } = await syncs.connected({ ...nasty, size: 40 });
  const largest = (await listed(session)).toSorted((a, b) => JSON.stringify(b).length - JSON.stringify(a).length)[0];
  expect(JSON.stringify(largest).length).toBeGreaterThan(200_000);
  const [row] = await syncs.query(
    'select id, raw_wasender_data as raw from contacts where account_id = ? and wasender_jid = ?',
    [id, largest.id],
  );
  expect(row.raw).toMatch(/^v2\./);
  const { body } = await stack.api.get(`/api/v1/contacts/${row.id}`);
  expect(body.raw_wasender_data).toEqual(largest);
});

it('a sync that keeps failing shows its last reason while it runs, and no longer once it goes on', async () => {
  const { id } = await syncs.connected({ size: 20, seed: 'reasons' });
  await stack.control.put('/faults', { provider: 'wasender', rate_500: 1 });
  const run = await syncs.start(id);
  const shown = async (): Promise<any> => (await stack.api.get(`/api/v1/syncs/${run}`)).body;
  const failing = await eventually('a reason', async () => {
    const body = await shown();
    return body.reason && body;
  });
  expect(failing).toMatchObject({ state: 'running', reason: 'provider_unavailable', ended_at: null });
  expect(failing.what_to_do).toEqual(expect.any(String));
  await stack.control.put('/faults', { provider: 'wasender' });
  expect(await syncs.ended(run)).toMatchObject({ state: 'succeeded', reason: null });
  expect(await shown()).toMatchObject({ reason: null, what_to_do: null });
});
