import { form, startTestSandbox, walk, type TestSandbox } from './test-sandbox.ts';

describe('lists of a UniPile sandbox account', () => {
  let sandbox: TestSandbox;
  let account_id: string;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
    account_id = await sandbox.whatsapp();
  });
  afterEach(() => sandbox.close());

  const setPeople = (size: number, seed = 'a'): Promise<unknown> =>
    sandbox.control('PUT', '/address-book', { account_id, size, seed });
  const ids = (items: { id: string }[]): string[] => items.map(({ id }) => id);

  it('starts with twelve chats', async () => {
    expect((await walk(sandbox, '/chats')).items).toHaveLength(12);
  });

  it('pages through thousands of chats, newest first, each once', async () => {
    await setPeople(5000);
    const { items, pages } = await walk(sandbox, `/chats?account_id=${account_id}&limit=250`);
    // One chat with each person and a group for every twenty.
    expect(items).toHaveLength(5250);
    expect(pages).toBe(21);
    expect(new Set(ids(items)).size).toBe(5250);
    const times = items.map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it('pages through all messages of several accounts in one order', async () => {
    await setPeople(50);
    const other = await sandbox.whatsapp();
    await sandbox.control('PUT', '/address-book', { account_id: other, size: 40, seed: 'b' });
    await sandbox.control('POST', '/messages', { account_id: other, from: '33639980001', text: 'late' });
    const { items } = await walk(sandbox, '/messages?limit=37');
    expect(new Set(ids(items)).size).toBe(items.length);
    const times = items.map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(items[0].text).toBe('late');
    const perAccount = await Promise.all(
      [account_id, other].map(async (id) => (await walk(sandbox, `/messages?account_id=${id}&limit=250`)).items.length),
    );
    expect(items).toHaveLength(perAccount[0]! + perAccount[1]!);
  });

  it('keeps the cursor’s position while new messages arrive', async () => {
    await setPeople(30);
    const first = (await sandbox.unipile('GET', '/chats?limit=10')).body;
    await sandbox.control('POST', '/messages', { account_id, from: '33639980001', text: 'hi' });
    const second = (await sandbox.unipile('GET', `/chats?cursor=${encodeURIComponent(first.cursor)}`)).body;
    expect(ids(second.items).filter((id) => ids(first.items).includes(id))).toEqual([]);
    expect(second.items).toHaveLength(10);
  });

  it('has padded base64 cursors that hold filters, limit and the last entry', async () => {
    const { items, cursor } = (await sandbox.unipile('GET', `/chats?limit=3&account_id=${account_id}`)).body;
    expect(cursor.length % 4).toBe(0);
    expect(JSON.parse(Buffer.from(cursor, 'base64').toString())).toEqual({
      account_id,
      limit: 3,
      cursor: { last_id: items[2].id, last_date: items[2].timestamp },
    });
  });

  it('takes before and after as exclusive', async () => {
    const { items } = await walk(sandbox, '/chats');
    const [newer, older] = [items[3].timestamp, items[8].timestamp];
    const between = await walk(sandbox, `/chats?before=${newer}&after=${older}`);
    expect(ids(between.items)).toEqual(ids(items.slice(4, 8)));
  });

  it('refuses wrong list parameters', async () => {
    for (const [query, type] of [
      ['limit=251', 'errors/limit_too_high'],
      ['limit=0', 'errors/invalid_parameters'],
      ['before=yesterday', 'errors/invalid_parameters'],
      ['cursor=nonsense', 'errors/invalid_parameters'],
      ['unread=maybe', 'errors/invalid_parameters'],
    ]) {
      expect(await sandbox.unipile('GET', `/chats?${query}`)).toMatchObject({ status: 400, body: { type } });
    }
    expect((await sandbox.unipile('GET', '/chats?account_id=nobody')).status).toBe(404);
  });

  it('has the same people for the same seed, in any account and at any size', async () => {
    const people = async (id: string): Promise<unknown[]> =>
      (await walk(sandbox, `/chat_attendees?account_id=${id}&limit=250`)).items.map(({ name, provider_id }) => [
        name,
        provider_id,
      ]);
    await setPeople(300, 'seed');
    const before = await people(account_id);
    await setPeople(400, 'seed');
    expect((await people(account_id)).slice(0, 300)).toEqual(before);
    const other = await sandbox.whatsapp();
    await sandbox.control('PUT', '/address-book', { account_id: other, size: 300, seed: 'seed' });
    expect(await people(other)).toEqual(before);
    await setPeople(300, 'other');
    expect(await people(account_id)).not.toEqual(before);
  });

  it('changes and removes exactly the requested shares', async () => {
    const people = async (): Promise<Map<string, string>> =>
      new Map(
        (await walk(sandbox, '/chat_attendees?limit=250')).items.map(({ provider_id, name }) => [provider_id, name]),
      );
    await setPeople(1000);
    const before = await people();
    const { body } = await sandbox.control('PATCH', '/address-book', { account_id, change: 0.2, remove: 0.1 });
    expect(body).toMatchObject({ changed: 200, removed: 100 });
    const after = await people();
    expect(after.size).toBe(900);
    const changed = [...after].filter(([id, name]) => before.get(id) !== name);
    expect(changed.length).toBeGreaterThan(180);
    expect(changed.length).toBeLessThanOrEqual(200);
  });

  it('answers from a hundred thousand entries as fast as from ten', async () => {
    await setPeople(100_000);
    const middle = (await sandbox.unipile('GET', '/chats?limit=1&before=2026-01-01T00:00:00.000Z')).body;
    expect(middle.items).toHaveLength(1);
    const far = new Date(Date.parse(middle.items[0].timestamp) - 1).toISOString();
    expect((await sandbox.unipile('GET', `/messages?limit=250&before=${far}`)).body.items).toHaveLength(250);
  });

  it('finds a chat by the provider’s id when the account is named', async () => {
    await setPeople(50);
    for (const chat of (await walk(sandbox, '/chats')).items) {
      const path = `/chats/${encodeURIComponent(chat.provider_id)}?account_id=${account_id}`;
      expect((await sandbox.unipile('GET', path)).body.id).toBe(chat.id);
    }
  });

  it('serves real pictures of people and groups', async () => {
    await setPeople(40);
    const { items } = await walk(sandbox, '/chat_attendees');
    const pictures = await Promise.all(items.map(({ id }) => sandbox.unipile('GET', `/chat_attendees/${id}/picture`)));
    const withPicture = items.filter((one, n) => (pictures[n]!.status === 200) === Boolean(one.picture_url));
    expect(withPicture).toHaveLength(40);
    const some = pictures.find(({ status }) => status === 200)!;
    expect(Buffer.from(some.body).subarray(1, 4).toString()).toBe('PNG');
    const group = (await walk(sandbox, '/chats')).items.find(({ type }) => type === 1);
    expect((await sandbox.unipile('GET', `/chat_attendees/${group.id}/picture`)).status).toBe(200);
  });

  it('has groups whose attendees include the owner', async () => {
    const group = (await walk(sandbox, '/chats')).items.find(({ type }) => type === 1);
    expect(group.provider_id).toMatch(/@g\.us$/);
    const { body } = await sandbox.unipile('GET', `/chats/${group.id}/attendees`);
    expect(body.items.filter((one: { is_self: number }) => one.is_self === 1)).toHaveLength(1);
    const senders = (await walk(sandbox, `/chats/${group.id}/messages`)).items.map(
      ({ sender_attendee_id }) => sender_attendee_id,
    );
    for (const sender of senders) expect(ids(body.items)).toContain(sender);
  });

  it('sends text and files, and finds them again', async () => {
    const [chat] = (await walk(sandbox, '/chats')).items;
    const photo = new File([new Uint8Array(1000)], 'photo.png', { type: 'image/png' });
    const { status, body } = await sandbox.unipile(
      'POST',
      `/chats/${chat.id}/messages`,
      form({ text: 'Hi' }, { attachments: photo }),
    );
    expect(status).toBe(201);
    const message = (await sandbox.unipile('GET', `/messages/${body.message_id}`)).body;
    expect(message).toMatchObject({ text: 'Hi', is_sender: 1, attachments: [{ type: 'img', file_size: 1000 }] });
    const file = await sandbox.unipile('GET', `/messages/${message.id}/attachments/${message.attachments[0].id}`);
    expect(file.body).toHaveLength(1000);
    expect((await sandbox.unipile('GET', '/chats?limit=1')).body.items[0].id).toBe(chat.id);
  });

  it('takes sends as multipart only', async () => {
    const [chat] = (await walk(sandbox, '/chats')).items;
    expect(await sandbox.unipile('POST', `/chats/${chat.id}/messages`, { text: 'Hi' })).toMatchObject({
      status: 415,
      body: { type: 'errors/unsupported_media_type' },
    });
  });

  it('starts a chat once per recipient, and a group with several', async () => {
    const start = async (...attendees_ids: string[]): Promise<string> =>
      (await sandbox.unipile('POST', '/chats', form({ account_id, text: 'Hi', attendees_ids }))).body.chat_id;
    const first = await start('33639980001@s.whatsapp.net');
    expect(await start('33639980001@s.whatsapp.net')).toBe(first);
    const [known] = (await walk(sandbox, '/chat_attendees')).items;
    const existing = (await walk(sandbox, `/chat_attendees/${known.id}/chats`)).items.find(({ type }) => type === 0);
    expect(await start(known.provider_id)).toBe(existing.id);
    const group = await start('33639980001@s.whatsapp.net', known.provider_id);
    expect((await sandbox.unipile('GET', `/chats/${group}`)).body.type).toBe(1);
    const wrong = form({ account_id, text: 'Hi', attendees_ids: 'Ada' });
    expect(await sandbox.unipile('POST', '/chats', wrong)).toMatchObject({
      status: 422,
      body: { type: 'errors/invalid_recipient' },
    });
  });

  it('does not send for an account that lost its login', async () => {
    const [chat] = (await walk(sandbox, '/chats')).items;
    await sandbox.control('POST', '/drop', { account_id, status: 'CREDENTIALS' });
    expect(await sandbox.unipile('POST', `/chats/${chat.id}/messages`, form({ text: 'Hi' }))).toMatchObject({
      status: 401,
      body: { type: 'errors/disconnected_account' },
    });
    expect((await walk(sandbox, '/chats')).items).toHaveLength(12);
  });

  it('marks chats read, muted, archived and pinned', async () => {
    await setPeople(50);
    const unread = (await walk(sandbox, '/chats?unread=true')).items;
    expect(unread.length).toBeGreaterThan(0);
    const path = `/chats/${unread[0].id}`;
    for (const [action, value] of [
      ['setReadStatus', true],
      ['setMuteStatus', true],
      ['setArchiveStatus', true],
      ['setPinnedStatus', true],
    ]) {
      expect((await sandbox.unipile('PATCH', path, { action, value })).body).toEqual({ object: 'ChatPatched' });
    }
    expect((await sandbox.unipile('GET', path)).body).toMatchObject({
      unread_count: 0,
      muted_until: -1,
      archived: 1,
      pinned: 1,
    });
    expect(ids((await walk(sandbox, '/chats?unread=true')).items)).toEqual(ids(unread.slice(1)));
  });

  it('returns users of the provider', async () => {
    const [someone] = (await walk(sandbox, '/chat_attendees')).items;
    const path = (who: string): string => `/users/${encodeURIComponent(who)}?account_id=${account_id}`;
    expect((await sandbox.unipile('GET', path(someone.provider_id))).body).toMatchObject({
      provider: 'WHATSAPP',
      id: someone.provider_id,
    });
    expect((await sandbox.unipile('GET', path('1'))).status).toBe(404);
    expect((await sandbox.unipile('GET', '/users/me')).status).toBe(400);
  });
});
