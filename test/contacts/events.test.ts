import pg from 'pg';
import { drainContacts } from '../../services/webhooks/drain-contacts.ts';
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

interface Ours {
  id: string;
  session: string;
}

let bodies = 0;
/** Sends an event as WASender does; `at` in milliseconds since the epoch, none as most of its events of contacts. */
const tell = async ({ session }: Ours, event: string, entries: object[], at?: number): Promise<void> => {
  bodies += 1;
  const body = { event, ...(at !== undefined && { timestamp: at }), data: entries, n: bodies };
  await stack.control.post('/webhooks', { session, body: JSON.stringify(body) });
};
const events = (id: string): Promise<any[]> =>
  syncs.query(`select state, deliveries from webhook_events where account_id = ? and kind = 'contact' order by id`, [
    id,
  ]);
/** Waits until `n` events of contacts came and owe nothing. */
const applied = ({ id }: Ours, n: number): Promise<any> =>
  eventually(`${n} events`, async () => {
    const all = await events(id);
    return all.length === n && all.every(({ state }) => state === 'processed');
  });
const found = async ({ id }: Ours, q: string): Promise<any[]> =>
  (await stack.api.get(`/api/v1/contacts?account=${id}&q=${encodeURIComponent(q)}`)).body.items;
const whole = (contact: any): Promise<any> => stack.api.get(`/api/v1/contacts/${contact.id}`).then(({ body }) => body);
const jid = (phone: string): string => `${phone.slice(1)}@s.whatsapp.net`;
const now = (): number => stack.worker.context.clock.now().getTime();
/** A contact with a number and a saved name. */
const someone = async ({ id }: Ours): Promise<any> =>
  (await stack.api.get(`/api/v1/contacts?account=${id}&limit=100`)).body.items.find(
    (one: any) => one.phone_number !== null && one.saved_name !== null,
  );

it('B13: changes of the address book arrive by webhook, without a sync', async () => {
  const ours = await syncs.connected({ size: 300, seed: 'a' });
  const rows = () =>
    syncs.query('select wasender_jid, name, push_name, whatsapp_status from contacts where account_id = ? order by 1', [
      ours.id,
    ]);
  const before = await rows();
  const asked = await stack.control.count('GET', '/api/contacts');
  await stack.control.patch('/address-book', { session: ours.session, change: 0.5 });
  await applied(ours, 2);
  const after = await rows();
  const changed = after.filter((one, n) => JSON.stringify(one) !== JSON.stringify(before[n])).length;
  expect(after).toHaveLength(300);
  expect(changed).toBeGreaterThan(50);
  expect(await stack.control.count('GET', '/api/contacts')).toBe(asked);
  // A read finds nothing else.
  await syncs.sync(ours.id);
  expect(await rows()).toEqual(after);
});

it('B13: what an event leaves out stays, edits stay, and the origin says when', async () => {
  const ours = await syncs.connected({ size: 10, seed: 'b' });
  const { phone_number: phone, ...one } = await someone(ours);
  await stack.api.patch(`/api/v1/contacts/${one.id}`, { company: 'Ours Ltd' });
  await tell(ours, 'contacts.update', [
    { id: jid(phone), notify: 'Kim', status: 'Away', company: 'Theirs', name: null },
  ]);
  await applied(ours, 1);
  const contact = await whole(one);
  expect(contact).toMatchObject({
    name: one.name,
    saved_name: one.saved_name,
    push_name: 'Kim',
    whatsapp_status: 'Away',
    company: 'Ours Ltd',
    phone_number: phone,
    provenance: { push_name: { source: 'provider' }, company: { source: 'edit' } },
  });
  // The whole entry of the address book stays, too.
  expect(contact.raw_wasender_data ?? contact.raw).not.toMatchObject({ notify: 'Kim' });
});

it('B13: an unsaved person becomes a contact where the event names them', async () => {
  const ours = await syncs.connected({ size: 5, seed: 'c' });
  await stack.control.post('/messages', { session: ours.session, from: '+33639970001', name: 'Noa', text: 'hello' });
  await tell(ours, 'contacts.update', [{ id: '33639970002@s.whatsapp.net', imgUrl: 'changed' }, { id: '1@g.us' }]);
  await applied(ours, 2);
  expect(await found(ours, 'Noa')).toEqual([
    expect.objectContaining({ phone_number: '+33639970001', name: 'Noa', saved_name: null, push_name: 'Noa' }),
  ]);
  expect(await found(ours, '33639970002')).toEqual([]);
});

it('B13: "changed" has the picture asked for again, each time', async () => {
  const ours = await syncs.connected({ size: 5, seed: 'd' });
  const { phone_number: phone, ...one } = await someone(ours);
  for (const times of [1, 2]) {
    await syncs.query('update contacts set picture_at = now() where account_id = ?', [ours.id]);
    await syncs.query(`update accounts set pictures_due_at = now() + interval '7 days' where id = ?`, [ours.id]);
    await tell(ours, 'contacts.update', [{ id: jid(phone), imgUrl: 'changed' }]);
    await applied(ours, times);
    const [row] = await syncs.query('select picture_at, profile_image_url from contacts where id = ?', [one.id]);
    expect(row).toEqual({ picture_at: null, profile_image_url: one.profile_image_url });
    const [account] = await syncs.query('select pictures_due_at from accounts where id = ?', [ours.id]);
    expect(new Date(account.pictures_due_at).getTime()).toBeLessThanOrEqual(now());
  }
});

it('B13: repeats change nothing, and an event that comes late does not undo a later one', async () => {
  const ours = await syncs.connected({ size: 10, seed: 'e' });
  const { phone_number: phone, ...one } = await someone(ours);
  // After the read of the address book, as far as clocks can tell.
  const at = now() - 20_000;
  const name = async (): Promise<string> => (await whole(one)).push_name;
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'Second' }], at + 2_000);
  await applied(ours, 1);
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'First', status: 'from the first' }], at + 1_000);
  await applied(ours, 2);
  // Of the late event counts what no later one told.
  expect(await whole(one)).toMatchObject({ push_name: 'Second', whatsapp_status: 'from the first' });
  bodies -= 1;
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'First', status: 'from the first' }], at + 1_000);
  await eventually('the repeat', async () => (await events(ours.id)).some(({ deliveries }) => deliveries === 2));
  expect(await name()).toBe('Second');
  // A name that comes back is news.
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'First', status: 'from the first' }], at + 3_000);
  await applied(ours, 3);
  expect(await name()).toBe('First');
  const [same] = [[{ id: jid(phone), notify: 'Third' }], [{ id: jid(phone), notify: 'Fourth' }]];
  await tell(ours, 'contacts.update', same!);
  await applied(ours, 4);
  expect(await name()).toBe('Third');
});

it('B13: an event from before the last read of the address book tells nothing, nor does a read undo a newer event', async () => {
  const ours = await syncs.connected({ size: 10, seed: 'f' });
  const { phone_number: phone, ...one } = await someone(ours);
  const before = now() - 3_600_000;
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'Old', status: 'Old' }], before);
  await tell(ours, 'contacts.upsert', [{ id: '33639970003@s.whatsapp.net', notify: 'Gone' }], before);
  await applied(ours, 2);
  expect(await whole(one)).toMatchObject({ push_name: one.push_name, whatsapp_status: one.whatsapp_status });
  expect(await found(ours, 'Gone')).toEqual([]);
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'New' }]);
  await applied(ours, 3);
  expect((await whole(one)).push_name).toBe('New');
  // The provider itself, asked later, has the last word.
  await syncs.sync(ours.id);
  expect((await whole(one)).push_name).toBe(one.push_name);
});

it('B13: 2,000 contacts in one event', async () => {
  const ours = await syncs.connected({ size: 5, seed: 'g' });
  const entries = Array.from({ length: 2_000 }, (_, n) => ({
    id: `3363990${String(n).padStart(4, '0')}@s.whatsapp.net`,
    lid: `90000000000${String(n).padStart(4, '0')}@lid`,
    name: `Person ${n}`,
    notify: `P${n}`,
    status: 'Hi',
  }));
  await tell(ours, 'contacts.upsert', entries);
  await tell(ours, 'contacts.update', [{ id: '900000000001999@lid', status: 'By LID', notify: 'Other' }]);
  await applied(ours, 2);
  const [{ n }] = await syncs.query('select count(*)::int as n from contacts where account_id = ?', [ours.id]);
  expect(n).toBe(2_005);
  // The number's entry decides; one under the LID of the same person fills gaps alone.
  expect(await found(ours, 'Person 1999')).toEqual([
    expect.objectContaining({ phone_number: '+33639901999', push_name: 'P1999', whatsapp_status: 'Hi' }),
  ]);
}, 120_000);

it('B13: an event takes no people apart; a read does', async () => {
  const ours = await syncs.connected({ size: 5, seed: 'h' });
  const [one, other] = ['33639970010', '33639970011'];
  await tell(ours, 'contacts.upsert', [{ id: jid(`+${one}`), lid: '900000000000777@lid', name: 'Ada Lovely' }]);
  await tell(ours, 'contacts.upsert', [{ id: jid(`+${other}`), lid: '900000000000777@lid', name: 'Zoe Lovely' }]);
  await applied(ours, 2);
  const both = (await found(ours, 'Lovely')).map((person) => [person.phone_number, person.name]);
  expect(new Map(both as [string, string][])).toEqual(
    new Map([
      [`+${one}`, 'Ada Lovely'],
      [`+${other}`, 'Zoe Lovely'],
    ]),
  );
});

it('B13: events while a sync holds the contacts, and while it runs, are acknowledged at once and applied after', async () => {
  const ours = await syncs.connected({ size: 3_000, seed: 'i' });
  const { phone_number: phone, ...one } = await someone(ours);
  const holder = new pg.Client(stack.database.ownerUrl);
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`contacts/${ours.id}`]);
    await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'While held' }]);
    await eventually('the event', async () => (await events(ours.id)).length === 1);
    expect(await events(ours.id)).toMatchObject([{ state: 'received' }]);
  } finally {
    await holder.query('rollback');
    await holder.end();
  }
  await applied(ours, 1);
  expect((await whole(one)).push_name).toBe('While held');
  const run = await syncs.start(ours.id);
  await tell(ours, 'contacts.update', [{ id: '33639970020@s.whatsapp.net', notify: 'Newcomer' }]);
  expect(await syncs.ended(run)).toMatchObject({ state: 'succeeded', stats: { failed_updates: 0 } });
  await applied(ours, 2);
  expect(await found(ours, 'Newcomer')).toHaveLength(1);
});

it('B13: nothing is kept of erased people, of fields that the tenant drops, or for another login', async () => {
  const api = await stack.client('private');
  const ours = await syncs.connected({ size: 5, seed: 'j' }, api);
  expect((await api.patch('/api/v1/tenant', { contact_fields: ['phone_number', 'push_name'] })).status).toBe(200);
  const erased = '+33639970030';
  await api.post('/api/v1/erasures?wait=20', { phone: erased });
  await tell(ours, 'contacts.upsert', [{ id: jid(erased), notify: 'Erased' }]);
  await tell(ours, 'contacts.upsert', [{ id: jid('+33639970031'), notify: 'Kept', status: 'away', name: 'dropped' }]);
  await applied(ours, 2);
  const shown = () =>
    syncs.query(
      'select phone_number, push_name, name, whatsapp_status from contacts where account_id = ? and push_name = any(?::text[])',
      [ours.id, '{Erased,Kept}'],
    );
  const kept = { phone_number: '+33639970031', push_name: 'Kept', name: 'Kept', whatsapp_status: null };
  expect(await shown()).toEqual([kept]);
  await syncs.query(`update accounts set provider_account_id = 'another' where id = ?`, [ours.id]);
  await syncs.query(`update webhook_events set state = 'received' where account_id = ?`, [ours.id]);
  await syncs.query(`update contacts set push_name = 'Late' where account_id = ?`, [ours.id]);
  await drainContacts(stack.worker.context);
  expect(await events(ours.id)).toMatchObject([{ state: 'processed' }, { state: 'processed' }]);
  expect(await shown()).toEqual([]);
});

it('B13: an event whose effect failed is listed, and a replay applies it; a dry run tells what would change', async () => {
  const ours = await syncs.connected({ size: 5, seed: 'k' });
  const { phone_number: phone, ...one } = await someone(ours);
  await tell(ours, 'contacts.update', [{ id: jid(phone), notify: 'Told' }]);
  await applied(ours, 1);
  await syncs.query(`update contacts set push_name = 'lost', provenance = provenance - 'pushName' where id = ?`, [
    one.id,
  ]);
  await syncs.query('update contact_aliases set content_hash = null where contact_id = ?', [one.id]);
  const [event] = (await stack.api.get(`/api/v1/webhook-events?account=${ours.id}&type=contacts.update`)).body.items;
  const dry = await stack.api.post(`/api/v1/webhook-events/${event.id}/replay`, { dry_run: true });
  expect(dry.body.changes).toContainEqual(
    expect.objectContaining({ table: 'contacts', id: one.id, after: expect.objectContaining({ push_name: 'Told' }) }),
  );
  expect((await whole(one)).push_name).toBe('lost');
  await stack.api.post(`/api/v1/webhook-events/${event.id}/replay`);
  expect((await whole(one)).push_name).toBe('Told');
  expect(await drainContacts(stack.worker.context)).toBe(0);
});

it('B13: groups arrive by webhook: names and members', async () => {
  const { id, session } = await syncs.connected({ size: 10, seed: 'groups' });
  const { body } = await stack.api.get(`/api/v1/contacts?account=${id}&limit=100`);
  const numbers = body.items.map((one: any) => one.phone_number).filter(Boolean);
  const [first, second, later] = numbers;
  const { chat_id: chat } = await stack.control.post('/groups', { session, name: 'Tennis', members: [first, second] });
  const named = (name: string): Promise<any> =>
    eventually(name, async () => {
      const { items } = (await stack.api.get(`/api/v1/conversations?account=${id}&limit=100`)).body;
      return items.find((one: any) => one.name === name);
    });
  const { id: group, kind } = await named('Tennis');
  const people = async (): Promise<string[]> => {
    const { items } = (await stack.api.get(`/api/v1/attendees?conversation=${group}&limit=100`)).body;
    return items.map((one: any) => one.phone_number).filter((one: string) => numbers.includes(one));
  };
  expect(kind).toBe('group');
  expect(new Set(await people())).toEqual(new Set([first, second]));
  // Events of the phone count seconds.
  await stack.control.post('/clock', { advance_seconds: 5 });
  await stack.control.patch('/groups', { session, chat, name: 'Padel', add: [later] });
  expect((await named('Padel')).id).toBe(group);
  await eventually('the new member', async () => (await people()).includes(later));
});
