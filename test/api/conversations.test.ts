import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { seedMessages, type MessageSeed } from '../support/seed-messages.ts';
import { runSql } from '../support/run-sql.ts';
import { activate, connect, linkedin, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const get = async (path: string): Promise<any> => (await api.client.get(`/api/v1${path}`)).body;
const patch = (id: string, body: object) => api.client.patch(`/api/v1/conversations/${id}`, body);

/** An account at rest, of a provider with address books. */
async function account(body?: object): Promise<string> {
  const { id } = (await connect(api.client, body)).account;
  await activate(api, id, `up-${unique()}`);
  return id;
}
const seed = <T>(accountId: string, work: (to: MessageSeed) => T): Promise<T> =>
  api.context.db.system((em) => seedMessages(em, accountId, work));

const saveContact = (accountId: string, entry: Partial<SeenContact>): Promise<unknown> =>
  api.context.db.system(async (em) => {
    const [row] = await runSql<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [accountId]);
    const to = { tenantId: row!.tenant_id, accountId, at: new Date(), vault: api.context.vault, keep: null };
    const whole: SeenContact = {
      id: '',
      phone: null,
      lid: null,
      name: null,
      pushName: null,
      verifiedName: null,
      company: null,
      isBusiness: false,
      status: null,
      raw: {},
      ...entry,
    };
    return saveContacts(em, to, [whole]);
  });

const minute = (n: number): Date => new Date(Date.UTC(2026, 2, 1, 10, n));
const ids = (body: any): string[] => body.items.map(({ id }: any) => id);

/** All pages of a list. */
async function pages(path: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ''; ;) {
    const body = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`);
    found.push(...ids(body));
    expect(body.items.length).toBeLessThanOrEqual(limit);
    if (body.next_cursor === null) return found;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}

describe('C3: the list of conversations', () => {
  let own: string;
  let expected: string[];
  beforeAll(async () => {
    own = await account();
    expected = await seed(own, (to) => {
      const at = (n: number, given = {}) => {
        const one = to.conversation(given);
        to.message(one, { sentAt: minute(n) });
        return one.id;
      };
      const old = at(1);
      const sameTime = [at(5), at(5), at(5)].sort().reverse();
      const newest = at(9, { unreadCount: 2, labels: ['vip', 'spring'] });
      const pinned = at(0, { pinned: true, archived: true });
      const empty = [to.conversation({}).id, to.conversation({ markedUnread: true }).id].sort().reverse();
      const pinnedEmpty = to.conversation({ pinned: true }).id;
      return [pinned, pinnedEmpty, newest, ...sameTime, old, ...empty];
    });
  });

  it('shows pinned ones first, then the newest message, and those without messages last', async () =>
    expect(ids(await get(`/conversations?account=${own}`))).toEqual(expected));

  it.each([1, 2, 3, 4])('has pages of %s in that same order', async (limit) => {
    expect(await pages(`/conversations?account=${own}`, limit)).toEqual(expected);
    expect((await pages('/conversations?channel=whatsapp', limit)).filter((id) => expected.includes(id))).toEqual(
      expected,
    );
  });

  it('has filters', async () => {
    const [pinned = '', , newest = ''] = expected;
    const marked = await get(`/conversations?account=${own}&unread=true`);
    expect(ids(marked)).toHaveLength(2);
    expect(ids(marked)[0]).toBe(newest);
    expect(ids(await get(`/conversations?account=${own}&unread=false`))).toHaveLength(expected.length - 2);
    expect(ids(await get(`/conversations?account=${own}&archived=true`))).toEqual([pinned]);
    expect(ids(await get(`/conversations?account=${own}&archived=false`))).toEqual(expected.slice(1));
    expect(ids(await get('/conversations?label=vip'))).toEqual([newest]);
    expect(ids(await get('/conversations?label=vi'))).toEqual([]);
    expect(ids(await get(`/conversations?account=${own}&channel=linkedin`))).toEqual([]);
    expect(ids(await get('/conversations?channel=telegram'))).toEqual([]);
  });

  it('refuses what it does not know', async () => {
    for (const query of ['colour=red', 'channel=pigeon', 'unread=maybe', 'cursor=x', 'cursor=e30', 'limit=0'])
      expect([query, (await api.client.get(`/api/v1/conversations?${query}`)).status]).toEqual([query, 422]);
    const place = { pinned: true, at: '2026-13-45 00:00:00+00', id: expected[0] };
    const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect((await api.client.get(`/api/v1/conversations?cursor=${cursor}`)).status).toBe(422);
  });

  it('counts by account, unread and archived', async () => {
    const counts = { total: expected.length, unread: 2, unread_messages: 2, archived: 1 };
    expect(await get(`/conversations/counts?account=${own}`)).toEqual({
      ...counts,
      accounts: [{ account_id: own, ...counts }],
    });
    const all = await get('/conversations/counts');
    expect(all.accounts).toContainEqual({ account_id: own, ...counts });
  });

  it('is read while Temporal is down, with auto_sync too', async () => {
    api.temporal.down = true;
    expect((await api.client.get(`/api/v1/conversations?account=${own}&auto_sync=true`)).status).toBe(200);
    api.temporal.down = false;
  });
});

describe('a conversation', () => {
  it('shows its last message, drawn, and not what was deleted', async () => {
    const own = await account();
    const { id, deleted } = await seed(own, (to) => {
      const maya = to.attendee({ providerAttendeeId: '33639980101@s.whatsapp.net', name: 'Maya' });
      const one = to.conversation({}, [maya]);
      to.message(one, { sentAt: minute(1), text: 'older' });
      const last = to.message(one, { sentAt: minute(2), text: '*hi* @33639980101', senderId: maya.id });
      to.attachment(last, { kind: 'image' });
      const other = to.conversation({}, [maya]);
      to.message(other, { text: null, deletedAt: minute(3), versions: [{ text: 'secret', at: null }] });
      return { id: one.id, deleted: other.id };
    });
    expect((await get(`/conversations/${id}`)).last_message).toMatchObject({
      text: '*hi* @33639980101',
      display: [{ text: 'hi', bold: true }, { text: ' ' }, { text: '@Maya', mention: { name: 'Maya' } }],
      direction: 'in',
      sent_at: '2026-03-01T10:02:00.000Z',
      deleted: false,
      attachment: 'image',
    });
    const shown = await get(`/conversations/${deleted}`);
    expect(shown.last_message).toMatchObject({ text: null, display: [], deleted: true });
    expect(JSON.stringify(shown)).not.toContain('secret');
  });

  it('B8: has the name of its person, of the contact before the attendee, and of a group its own', async () => {
    const own = await account();
    await saveContact(own, {
      id: '33639980111@s.whatsapp.net',
      phone: '+33639980111',
      name: 'Ana',
      verifiedName: 'Ana Ltd',
    });
    await saveContact(own, { id: '33639980112@s.whatsapp.net', phone: '+33639980112', name: 'Bo' });
    await saveContact(own, { id: '33639980113@s.whatsapp.net', phone: '+33639980113', company: 'Acme' });
    await saveContact(own, { id: '33639980114@s.whatsapp.net', phone: '+33639980114', lid: '77001@lid', name: 'Cy' });
    const named = await seed(own, (to) => {
      const self = to.attendee({ isSelf: true, name: 'Me' });
      const person = (providerAttendeeId: string, name: string | null, more = {}) =>
        to.attendee({ providerAttendeeId, name, ...more });
      const people = [
        person('33639980111@s.whatsapp.net', 'ana'),
        person('33639980112@s.whatsapp.net', 'bo the great'),
        person('33639980113@s.whatsapp.net', null),
        person('77001@lid', 'cy'),
        person('33639980115@s.whatsapp.net', 'Dee'),
        person('33639980116@s.whatsapp.net', null),
        person('77002@lid', null, { phoneNumber: '+33639980112' }),
        person('77003@lid', null),
      ];
      const loser = person('77004@lid', 'old name', { mergedInto: people[0]!.id });
      return {
        people: people.map((one) => to.conversation({}, [self, one]).id),
        merged: to.conversation({}, [self, loser]).id,
        group: to.conversation({ kind: 'group', name: 'Trip' }, people).id,
        unnamed: to.conversation({ kind: 'group' }, [self, people[0]!, people[1]!]).id,
        empty: to.conversation({}).id,
      };
    });
    const name = async (id: string): Promise<string> => (await get(`/conversations/${id}`)).name;
    const names = [];
    for (const id of named.people) names.push(await name(id));
    expect(names).toEqual([
      'Ana Ltd',
      'Bo',
      'Contact from Acme',
      'Cy',
      'Dee',
      '+33 6 39 98 01 16',
      'Bo',
      'Unknown contact',
    ]);
    expect([await name(named.merged), await name(named.group), await name(named.empty)]).toEqual([
      'Ana Ltd',
      'Trip',
      'Unknown contact',
    ]);
    expect((await name(named.unnamed)).split(', ').sort()).toEqual(['Ana Ltd', 'Bo']);
    expect(
      ids(await get(`/conversations?attendee=${(await get(`/conversations/${named.people[0]}`)).attendee}`)),
    ).toEqual(expect.arrayContaining([named.people[0], named.merged, named.group, named.unnamed]));
  });

  it('B8: takes the name from an address book of another account of the tenant', async () => {
    const [own, book] = [await account(), await account()];
    await saveContact(book, { id: '5511987654321@s.whatsapp.net', phone: '+5511987654321', name: 'Rui' });
    const id = await seed(
      own,
      (to) => to.conversation({}, [to.attendee({ providerAttendeeId: '551187654321@s.whatsapp.net' })]).id,
    );
    expect(await get(`/conversations/${id}`)).toMatchObject({
      name: 'Rui',
      contact: { name: 'Rui', phone_number: '+5511987654321', display_phone: '+55 11 98765 4321', display_name: 'Rui' },
    });
  });
});

describe('C5: a change of a conversation', () => {
  let own: string;
  let id: string;
  beforeEach(async () => {
    own ??= await account();
    id = await seed(own, (to) => {
      const one = to.conversation({ unreadCount: 3 });
      to.message(one, { sentAt: minute(4) });
      return one.id;
    });
  });

  it('reads and unreads it, and says that the provider is told later', async () => {
    const read = await patch(id, { read: true });
    expect([read.status, read.body]).toEqual([
      200,
      expect.objectContaining({
        unread_count: 0,
        marked_unread: false,
        kept_locally: [],
        changes: [expect.objectContaining({ field: 'read', state: 'pending', reason: null })],
      }),
    ]);
    const [row] = await api.context.db.system((em) =>
      runSql<{ read_up_to: string }>(em, 'select read_up_to from conversations where id = ?', [id]),
    );
    expect(new Date(row!.read_up_to)).toEqual(minute(4));
    expect((await patch(id, { read: false })).body).toMatchObject({ unread_count: 0, marked_unread: true });
    expect((await patch(id, { read: true })).body).toMatchObject({ marked_unread: false });
  });

  it('mutes it for ever, until a time, and no longer', async () => {
    expect((await patch(id, { muted: true })).body).toMatchObject({ muted: true, muted_until: null });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect((await patch(id, { muted: until })).body).toMatchObject({ muted: true, muted_until: until });
    api.clock.advance(3_700_000);
    expect(await get(`/conversations/${id}`)).toMatchObject({ muted: false, muted_until: null });
    expect((await patch(id, { muted: false })).body).toMatchObject({ muted: false });
    expect((await patch(id, { muted: '2020-01-01T00:00:00Z' })).status).toBe(422);
  });

  it('archives, pins and labels it, all at once', async () => {
    const change = { archived: true, pinned: true, labels: ['vip', ' vip', 'Jose\u0301'] };
    expect((await patch(id, change)).body).toMatchObject({
      archived: true,
      pinned: true,
      labels: ['vip', 'Jos\u00e9'],
      kept_locally: ['labels'],
      changes: [{ state: 'pending' }, { state: 'local', reason: 'unsupported' }, { state: 'pending' }],
    });
    expect(ids(await get(`/conversations?account=${own}&label=Jose%CC%81`))).toEqual([id]);
    expect((await patch(id, { labels: [], archived: false })).body).toMatchObject({
      labels: [],
      archived: false,
      pinned: true,
    });
    expect((await patch(id, {})).body.kept_locally).toEqual([]);
  });

  it.each([{ colour: 'red' }, { read: 'yes' }, { muted: 'tomorrow' }, { labels: [''] }, { labels: 'vip' }])(
    'is refused as %j',
    async (body) => expect((await patch(id, body)).status).toBe(422),
  );

  it('needs the scope write', async () => {
    const reader = await api.clientOf('ours', ['read']);
    expect((await reader.patch(`/api/v1/conversations/${id}`, { read: true })).status).toBe(403);
    expect((await reader.get(`/api/v1/conversations/${id}`)).status).toBe(200);
  });
});

describe('C7: attendees', () => {
  it('are listed by account, conversation and name', async () => {
    const own = await account();
    const { conversation, people } = await seed(own, (to) => {
      const names = ['Ana Quist', 'Bo Quist', null].map((name, n) =>
        to.attendee({
          name,
          providerAttendeeId: `3363998012${n}@s.whatsapp.net`,
          pictureUrl: n ? null : 'https://p.example/1',
        }),
      );
      to.attendee({ name: 'gone', mergedInto: names[0]!.id });
      return {
        conversation: to.conversation({ kind: 'group' }, names.slice(0, 2)).id,
        people: names.map(({ id }) => id),
      };
    });
    expect(await pages(`/attendees?account=${own}`, 2)).toEqual(people.toSorted());
    expect(await pages(`/attendees?conversation=${conversation}`, 1)).toEqual(people.slice(0, 2).toSorted());
    expect(ids(await get(`/attendees?account=${own}&q=ana`))).toEqual([people[0]]);
    expect(ids(await get(`/attendees?account=${own}&q=QUIST`))).toHaveLength(2);
    expect(await get(`/attendees/${people[2]}`)).toMatchObject({
      name: '+33 6 39 98 01 22',
      phone_number: '+33639980122',
      picture_url: null,
    });
    const shown = await get(`/attendees/${people[0]}`);
    expect(shown.picture_url).toBe(`${api.context.publicUrl}/api/v1/attendees/${people[0]}/picture`);
    expect(JSON.stringify(shown)).not.toContain('p.example');
    expect(await get(`/attendees/${people[0]}/picture`)).toMatchObject({ status: 404, code: 'no_picture' });
  });
});

describe('documented paths', () => {
  const whatsapp = '/communications/whatsapp';

  it('C3, C5, C7: of WhatsApp answer as the routes that they stand for', async () => {
    const own = await account();
    await account(linkedin);
    const { id, person } = await seed(own, (to) => {
      const maya = to.attendee({ name: 'Maya' });
      const one = to.conversation({}, [maya]);
      to.message(one, { senderId: maya.id });
      return { id: one.id, person: maya.id };
    });
    const accounts = await get(`${whatsapp}/accounts/`);
    expect(ids(accounts)).toContain(own);
    expect(accounts.items.every(({ channel }: any) => channel === 'whatsapp')).toBe(true);
    expect(await get(`${whatsapp}/chats/?account=${own}`)).toEqual(await get(`/conversations?account=${own}`));
    expect(await get(`${whatsapp}/chats/${id}/messages/`)).toEqual(await get(`/conversations/${id}/messages`));
    expect(await get(`${whatsapp}/attendees?account=${own}`)).toEqual(await get(`/attendees?account=${own}`));
    expect((await get(`${whatsapp}/attendees/${person}/picture/`)).code).toBe('no_picture');
    const changed = await api.client.put(`/api/v1${whatsapp}/chats/${id}/`, { pinned: true });
    expect([changed.status, changed.body.pinned]).toEqual([200, true]);
  });

  it('B5: conversations with contact fields; auto_sync answers without waiting for the provider, and fetches missing names once', async () => {
    const { account: made } = await connect(api.client, {
      provider: 'wasender',
      channel: 'whatsapp',
      owner: 'maya',
      credentials: { phone_number: '+33639980190' },
    });
    await activate(api, made.id, `up-${unique()}`);
    await saveContact(made.id, {
      id: '33639980131@s.whatsapp.net',
      phone: '+33639980131',
      name: 'Known',
      status: 'busy',
    });
    await seed(made.id, (to) => {
      for (const n of [1, 2, 3])
        to.conversation({}, [to.attendee({ providerAttendeeId: `3363998013${n}@s.whatsapp.net` })]);
      to.conversation({ kind: 'group', name: 'Team' });
    });
    const path = `/api/conversations/unique?account=${made.id}&limit=50`;
    const runs = async (): Promise<any[]> =>
      (await get(`/syncs?account=${made.id}`)).items.filter(({ kind }: any) => kind === 'contacts');
    const { body } = await api.client.get(path);
    expect(body.items.find(({ display_name: name }: any) => name === 'Known')).toMatchObject({
      phone_number: '+33639980131',
      display_phone: '+33 6 39 98 01 31',
      name: 'Known',
      verified_name: null,
      is_business_account: false,
      whatsapp_status: 'busy',
      contact: { id: expect.any(String) },
    });
    expect(body.items.map(({ display_name: name }: any) => name).sort()).toEqual([
      '+33 6 39 98 01 32',
      '+33 6 39 98 01 33',
      'Known',
      'Team',
    ]);
    expect(await runs()).toHaveLength(0);
    expect((await api.client.get(`${path}&auto_sync=true`)).status).toBe(200);
    const begun = await runs();
    expect(new Set(begun.map(({ scope }) => scope.phone))).toEqual(new Set(['+33639980132', '+33639980133']));
    expect(api.temporal.syncs).toContain(made.id);
    await api.client.get(`${path}&auto_sync=true`);
    expect(await runs()).toEqual(begun);
  });
});
