import { runSql } from '../support/run-sql.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, syncContacts, wasenderAccount } from '../support/wasender-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const people = { size: 20, seed: 'privacy', lid_only: 0, nameless: 0, unsaved: 0.3, business: 0.5 };
const query = <T = any>(sql: string, params: unknown[] = []): Promise<T[]> =>
  stack.worker.context.db.system((em) => runSql<T>(em, sql, params));
const columnsOf = (account: string): Promise<any[]> =>
  query('select * from contacts where account_id = ? order by id', [account]);
const days = (count: number): Promise<any> => stack.control.post('/clock', { advance_seconds: count * 86_400 });

describe("a tenant's settings", () => {
  it('can be read and changed one by one; the name cannot', async () => {
    const client = await stack.client('settings');
    const before = {
      name: 'settings',
      time_zone: 'UTC',
      contact_fields: null,
      contact_fields_pending: false,
      contact_retention_days: null,
      message_retention_days: null,
      history_days: 30,
      history_messages: 200,
      return_addresses: null,
      reminder_hours: null,
      reminder_weeks: 8,
      quiet_hours: null,
    };
    expect((await client.get('/api/v1/tenant')).body).toEqual(before);
    const { body } = await client.patch('/api/v1/tenant', { time_zone: 'Europe/Paris' });
    expect(body).toEqual({ ...before, time_zone: 'Europe/Paris' });
    expect((await client.patch('/api/v1/tenant', { name: 'another' })).status).toBe(422);
    await client.patch('/api/v1/tenant', { contact_retention_days: 90, contact_fields: ['raw', 'phone_number'] });
    expect((await client.get('/api/v1/tenant')).body).toMatchObject({
      time_zone: 'Europe/Paris',
      contact_fields: ['phone_number', 'raw'],
      contact_retention_days: 90,
    });
    expect((await stack.api.get('/api/v1/tenant')).body.time_zone).toBe('UTC');
  });

  it.each([
    { time_zone: 'Mars/Olympus' },
    { time_zone: '+02:00' },
    { contact_fields: ['name'] },
    { contact_retention_days: 0 },
    { contact_retention_days: 1.5 },
    { message_retention_days: 0 },
  ])('are refused when invalid: %j', async (body) => {
    expect((await stack.api.patch('/api/v1/tenant', body)).body.code).toBe('invalid_request');
  });

  it('are changed by admins alone', async () => {
    const client = await stack.client('settings', ['read', 'write']);
    expect((await client.patch('/api/v1/tenant', { time_zone: 'UTC' })).status).toBe(403);
  });
});

describe('B14: only the needed contact fields', () => {
  it('are stored: dropped fields are cleared, not restored by syncs, and filled again when wanted', async () => {
    const client = await stack.client('fields');
    const { id } = await wasenderAccount(stack, client, people);
    const before = await columnsOf(id);
    const saved = before.find((one) => one.saved_name && one.push_name && one.verified_name);
    const own = before.find((one) => one.saved_name && one.id !== saved.id);
    await client.patch(`/api/v1/contacts/${own.id}`, { name: 'Our own word', company: 'Our own company' });
    const settled = () =>
      eventually('the fields to be emptied', async () => {
        const { body } = await client.get('/api/v1/tenant');
        return !body.contact_fields_pending;
      });

    await client.patch('/api/v1/tenant', { contact_fields: ['phone_number', 'push_name'] });
    await settled();
    const check = async (): Promise<void> => {
      for (const one of await columnsOf(id)) {
        expect(one).toMatchObject({
          saved_name: null,
          verified_name: null,
          profile_image_url: null,
          whatsapp_status: null,
          raw_wasender_data: null,
          company: one.id === own.id ? 'Our own company' : null,
          name: one.id === own.id ? 'Our own word' : one.push_name,
        });
        expect(one.phone_number).toMatch(/^\+\d+$/);
        expect(Object.keys(one.provenance)).not.toContain('savedName');
      }
    };
    await check();
    expect(await syncContacts(client, id)).toMatchObject({ inserted: 0 });
    await check();
    const { body: shown } = await client.get(`/api/v1/contacts/${saved.id}`);
    expect(shown).toMatchObject({ saved_name: null, verified_name: null, name: saved.push_name });

    await query('update contacts set picture_at = null where account_id = ?', [id]);
    await query('update accounts set pictures_due_at = null');
    await query('update accounts set pictures_due_at = ? where id = ?', [stack.worker.context.clock.now(), id]);
    const asked = await stack.control.count('GET', '/api/contacts/:phone/picture');
    await stack.trigger('fetchPictures');
    await eventually('the fetch of pictures', async () => {
      const [account] = await query('select pictures_due_at from accounts where id = ?', [id]);
      return account.pictures_due_at === null;
    });
    expect(await stack.control.count('GET', '/api/contacts/:phone/picture')).toBe(asked);
    await check();

    await client.patch('/api/v1/tenant', { contact_fields: null });
    await settled();
    expect(await syncContacts(client, id)).toMatchObject({ inserted: 0 });
    const [after] = (await columnsOf(id)).filter((one) => one.id === saved.id);
    expect(after).toMatchObject({
      saved_name: saved.saved_name,
      verified_name: saved.verified_name,
      name: saved.name,
      whatsapp_status: saved.whatsapp_status,
      raw_wasender_data: expect.stringMatching(/^v2\./),
    });
  });
});

describe('B14: a company that is not stored', () => {
  it('is kept nowhere under an edit or a merge; edits stay', async () => {
    const client = await stack.client('company');
    const { id } = await wasenderAccount(stack, client, { ...people, size: 4 });
    await query("update contacts set company = 'Told Ltd' where account_id = ?", [id]);
    const [survivor, merged] = await columnsOf(id);
    await client.patch(`/api/v1/contacts/${merged.id}`, { company: 'Our own word', groups: ['vip'] });
    await client.post('/api/v1/contacts/merge', { contact_ids: [survivor.id, merged.id] });
    await client.patch('/api/v1/tenant', { contact_fields: ['phone_number'] });
    await eventually('the fields to be emptied', async () => {
      const { body } = await client.get('/api/v1/tenant');
      return !body.contact_fields_pending;
    });
    expect(JSON.stringify(await columnsOf(id))).not.toContain('Told Ltd');
    const company = async (one: string) => (await client.get(`/api/v1/contacts/${one}`)).body.company;
    expect([await company(survivor.id), await company(merged.id)]).toEqual(['Our own word', 'Our own word']);
    await client.post(`/api/v1/contacts/${survivor.id}/unmerge`);
    expect([await company(survivor.id), await company(merged.id)]).toEqual([null, 'Our own word']);
  });
});

describe('outcomes of syncs', () => {
  it('are kept as long as raw data; the last whole sync stays known', async () => {
    const client = await stack.client('runs');
    const { id } = await wasenderAccount(stack, client, people);
    const phone = (await columnsOf(id)).find((one) => one.phone_number !== null).phone_number;
    const { last_sync: before } = (await client.get(`/api/v1/contacts/stats?account=${id}`)).body;
    const request = { kind: 'contacts', scope: { phone } };
    const { body: run } = await client.post(`/api/v1/accounts/${id}/syncs?wait=20`, request);
    expect(run).toMatchObject({ state: 'succeeded', scope: { phone } });
    await client.delete(`/api/v1/accounts/${id}`);
    await client.account(id, 'disconnected');
    await days(31);
    await eventually('the run to go', async () => (await client.get(`/api/v1/syncs/${run.id}`)).status === 404);
    expect((await client.get(`/api/v1/contacts/stats?account=${id}`)).body.last_sync).toBe(before);
    expect(await query('select id from sync_runs where account_id = ? and target is not null', [id])).toEqual([]);
  });
});

describe('B14: the retention of contacts', () => {
  const round = (): Promise<unknown> => days(0.01);

  it('starts when a sync no longer finds a contact; found contacts stay, changed or not', async () => {
    const client = await stack.client('missing');
    const { id, session } = await wasenderAccount(stack, client, people);
    await client.patch('/api/v1/tenant', { contact_retention_days: 30 });
    await stack.control.patch('/address-book', { session, remove: 0.25 });
    await syncContacts(client, id);
    const missing = (await columnsOf(id)).filter((one) => one.missing_since !== null).map((one) => one.id);
    expect(missing).toHaveLength(5);
    const [grouped, kept] = missing;
    await days(20);
    // A written contact counts from its last write.
    await client.patch(`/api/v1/contacts/${kept}`, { name: 'Still needed' });
    await syncContacts(client, id);
    await days(11);
    await eventually('the missing to go', async () => (await columnsOf(id)).length === 16);
    expect((await columnsOf(id)).map((one) => one.id)).toEqual(expect.arrayContaining([kept]));
    expect((await columnsOf(id)).map((one) => one.id)).not.toContain(grouped);
    expect(await query('select 1 from contact_aliases where account_id = ? and contact_id = ?', [id, grouped])).toEqual(
      [],
    );
    await syncContacts(client, id);
    await days(20);
    await eventually('the edited one to go, too', async () => (await columnsOf(id)).length === 15);
  });

  it('restarts when a sync finds a missing contact again', async () => {
    const client = await stack.client('found');
    const { id, session } = await wasenderAccount(stack, client, people);
    await stack.control.patch('/address-book', { session, remove: 0.25 });
    await syncContacts(client, id);
    await stack.control.put('/address-book', { session, ...people });
    expect(await syncContacts(client, id)).toMatchObject({ inserted: 0 });
    expect((await columnsOf(id)).filter((one) => one.missing_since !== null)).toEqual([]);
  });

  it('starts at the last whole sync for accounts that no longer sync; merged contacts go with their survivor', async () => {
    const client = await stack.client('left');
    const { id } = await wasenderAccount(stack, client, people);
    const [first, second] = await columnsOf(id);
    await client.post('/api/v1/contacts/merge', { contact_ids: [first.id, second.id] });
    await client.patch('/api/v1/tenant', { contact_retention_days: 30 });
    await client.delete(`/api/v1/accounts/${id}`);
    await client.account(id, 'disconnected');
    await days(29);
    await round();
    expect(await everyPage(client, `/api/v1/contacts?account=${id}`)).toHaveLength(19);
    await days(2);
    await eventually('all to go', async () => (await columnsOf(id)).length === 0);
    expect(await query('select 1 from contact_aliases where account_id = ?', [id])).toEqual([]);
  });

  it('is unlimited by default; raw data expires by its own retention, and no sync restores it', async () => {
    const client = await stack.client('for-ever');
    const { id } = await wasenderAccount(stack, client, people);
    await days(31);
    await eventually('raw data to go', async () =>
      (await columnsOf(id)).every((one) => one.raw_wasender_data === null),
    );
    expect(await columnsOf(id)).toHaveLength(20);
    await syncContacts(client, id);
    expect((await columnsOf(id)).every((one) => one.raw_wasender_data === null)).toBe(true);
  });
});
