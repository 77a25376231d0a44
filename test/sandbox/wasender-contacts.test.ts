import { startWasenderSandbox, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';

describe('contacts of the WASender sandbox', () => {
  let sandbox: WasenderSandbox;
  let session: TestSession;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    session = await sandbox.linked();
  });
  afterEach(() => sandbox.close());

  const get = (path: string): Promise<any> => sandbox.wasender('GET', path, undefined, session.key);
  const all = async (): Promise<any[]> => (await get('/contacts')).body.data;
  const setPeople = (body: object): Promise<any> =>
    sandbox.control('PUT', '/address-book', { session: session.id, seed: 'a', ...body });
  const idOf = (contact: any): string => contact.id;

  it('lists a hundred thousand at once and by page, the same ones', async () => {
    expect((await setPeople({ size: 100_000 })).body.entries).toBe(100_000);
    const everyone = await all();
    expect(new Set(everyone.map(idOf)).size).toBe(100_000);
    const { data } = (await get('/contacts?paginated=true&page=500&limit=200')).body;
    expect(data.pagination).toEqual({ totalPages: 500 });
    expect(data.items).toEqual(everyone.slice(-200));
    expect((await get('/contacts?paginated=true&page=501&limit=200')).body.data.items).toEqual([]);
  });

  it('holds every kind of contact, in configurable shares', async () => {
    const shares = { nameless: 0.2, unsaved: 0.2, lid_only: 0.2, emoji: 0.2, business: 0.2 };
    await setPeople({ size: 1000, ...shares, large_record: true });
    const everyone = await all();
    const share = (keep: (contact: any) => boolean): number => everyone.filter(keep).length / everyone.length;
    expect(share((one) => !one.name && !one.notify && !one.verifiedName)).toBeCloseTo(0.2, 1);
    expect(share((one) => !one.name)).toBeCloseTo(0.36, 1);
    expect(share((one) => one.id.endsWith('@lid'))).toBeCloseTo(0.2, 1);
    expect(share((one) => one.verifiedName)).toBeCloseTo(0.16, 1);
    expect(share((one) => /\p{Extended_Pictographic}|\p{RI}/u.test(one.name ?? ''))).toBeCloseTo(0.12, 1);
    const sizes = everyone.map((one) => JSON.stringify(one).length);
    expect(sizes.filter((size) => size > 200_000)).toHaveLength(1);
  });

  it('repeats people within a page, across pages and under their LID', async () => {
    await setPeople({ size: 100, near_duplicates: 0.1, far_duplicates: 0.1, lid_twins: 0.1, lid_only: 0, nameless: 0 });
    const everyone = await all();
    expect(everyone).toHaveLength(130);
    const near = everyone.filter((one, n) => n > 0 && everyone[n - 1].id === one.id);
    expect(near).toHaveLength(10);
    expect(near.every((one) => one.name === undefined)).toBe(true);
    for (const one of everyone.slice(110, 120)) expect(everyone.slice(0, 110).map(idOf)).toContain(one.id);
    expect(everyone.slice(120).every((one) => one.id.endsWith('@lid'))).toBe(true);
  });

  it('gives the same people for the same seed, and changes and removes exact shares of them', async () => {
    await setPeople({ size: 1000 });
    const before = await all();
    const change = { session: session.id, change: 0.1, remove: 0.05 };
    expect((await sandbox.control('PATCH', '/address-book', change)).body).toMatchObject({ changed: 100, removed: 50 });
    const after = new Map((await all()).map((one) => [one.id, one]));
    expect(after.size).toBe(950);
    const kept = before.filter((one) => after.has(one.id));
    expect(kept.filter((one) => JSON.stringify(one) !== JSON.stringify(after.get(one.id)))).toHaveLength(100);
    const [removed] = before.filter((one) => !after.has(one.id));
    expect((await get(`/contacts/${removed.id}`)).status).toBe(404);
    await setPeople({ size: 1000 });
    expect(await all()).toEqual(before);
  });

  it('finds one contact by number, JID and LID', async () => {
    const person = (await all()).find((one) => one.id.endsWith('@s.whatsapp.net'));
    const digits = person.id.split('@')[0];
    for (const name of [digits, `%2B${digits}`, person.id]) {
      expect((await get(`/contacts/${name}`)).body).toEqual({ success: true, data: person });
    }
    const { lid } = (await get(`/lid-from-pn/${person.id}`)).body.data;
    expect((await get(`/pn-from-lid/${lid}`)).body.data).toEqual({ pn: person.id });
    expect((await get(`/contacts/${lid}`)).body.data.id).toBe(person.id);
  });

  it('reports an unknown person, or a malformed number', async () => {
    expect(await get('/contacts/33639980009')).toMatchObject({
      status: 404,
      body: { success: false, error: expect.stringMatching(/not found/) },
    });
    expect(await get('/contacts/nobody')).toMatchObject({
      status: 422,
      body: { success: false, error: 'Invalid JID' },
    });
    expect((await get('/on-whatsapp/33639980009')).body.data).toEqual({ exists: true });
    expect((await get('/on-whatsapp/33639980000')).body.data).toEqual({ exists: false });
  });

  it('serves pictures, which expire by variant', async () => {
    const person = (await all()).find((one) => one.imgUrl !== null);
    const { imgUrl } = (await get(`/contacts/${person.id}/picture`)).body.data;
    expect(imgUrl).toBe(person.imgUrl);
    const picture = await fetch(imgUrl);
    expect([picture.headers.get('content-type'), (await picture.bytes()).length > 100]).toEqual(['image/png', true]);
    await sandbox.variant('picture_url_seconds', 60);
    const { data } = (await get(`/contacts/${person.id}/picture`)).body;
    await sandbox.control('POST', '/clock', { advance_seconds: 120 });
    expect((await fetch(data.imgUrl)).status).toBe(410);
  });

  it('saves a name', async () => {
    const jid = '33639980009@s.whatsapp.net';
    const { body } = await sandbox.wasender('PUT', '/contacts', { jid, fullName: 'Bo' }, session.key);
    expect(body.data).toEqual({ jid, fullName: 'Bo' });
    expect((await get('/contacts/33639980009')).body.data).toMatchObject({ id: jid, name: 'Bo' });
    expect((await all()).at(-1)).toMatchObject({ id: jid, name: 'Bo' });
  });

  it('shows part of the list while the first sync runs', async () => {
    await setPeople({ size: 1000 });
    await sandbox.variant('first_sync_seconds', 1000);
    expect((await all()).length).toBeLessThan(500);
    await sandbox.control('POST', '/clock', { advance_seconds: 1000 });
    expect(await all()).toHaveLength(1000);
  });

  it('has groups of the generated people', async () => {
    await setPeople({ size: 100 });
    expect((await get('/groups?paginated=true&limit=2')).body.data).toMatchObject({ pagination: { totalPages: 3 } });
    const [group] = (await get('/groups')).body.data;
    const { data } = (await get(`/groups/${group.id}/metadata`)).body;
    expect(data).toMatchObject({ id: group.id, subject: group.name });
    expect((await get(`/groups/${group.id}/participants`)).body.data).toEqual(data.participants);
    expect((await get('/groups/1@g.us/metadata')).status).toBe(404);
  });
});
