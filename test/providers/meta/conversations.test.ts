import type { SeenConversation } from '../../../domain/seen-messages.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { meta } from '../../../providers/meta/index.ts';
import { startMetaSandbox, type ConnectedPage, type MetaSandbox } from '../../sandbox/meta-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { instagramCall, instagramLoginCall, messengerCall, whatsappCall, write } from './inbox.ts';

const { conversations } = meta;

let world: MetaSandbox;
let page: ConnectedPage;
beforeAll(async () => {
  world = await startMetaSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  page = await world.page('plain@a.test');
});
afterAll(() => world?.close());

describe.each<[string, () => Promise<ProviderCall> | ProviderCall]>([
  ['Messenger', () => messengerCall(world, page)],
  ['Instagram through a Page', () => instagramCall(world, page)],
  ['Instagram by its own login', () => instagramLoginCall(world)],
])('%s', (name, connect) => {
  let call: ProviderCall;
  beforeEach(async () => {
    call = await connect();
  });

  const generate = (size: number) =>
    world.control('PUT', '/address-book', { account_id: call.providerAccountId, size, seed: 's' });
  const all = async (since?: number): Promise<{ pages: number; items: SeenConversation[] }> => {
    const items: SeenConversation[] = [];
    let cursor: string | null = null;
    for (let pages = 1; ; pages += 1) {
      const read: Awaited<ReturnType<typeof conversations.list>> = await conversations.list(call, cursor, since);
      items.push(...read.items);
      if (read.cursor === null) return { pages, items };
      ({ cursor } = read);
    }
  };

  it('conversations come newest first, page after page, each with its person', async () => {
    await generate(70);
    const { pages, items } = await all();
    expect([pages > 1, items.length]).toEqual([true, 70]);
    const times = items.map(({ lastMessageAt }) => lastMessageAt ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    for (const { keys, kind, attendees } of items) {
      const other = attendees?.find(({ isSelf }) => isSelf === false);
      expect([kind, keys]).toEqual(['person', [expect.any(String), other?.keys[0]]]);
      expect([other?.name, other?.pictureSource]).toEqual([expect.any(String), { person: other?.keys[0] }]);
      expect(attendees?.filter(({ isSelf }) => isSelf)).toHaveLength(1);
    }
    expect(new Set(items.map(({ keys: [key] }) => key)).size).toBe(70);
  });

  it('are read until they are older than what is asked for, in either form of times', async () => {
    await generate(70);
    const since = (await all()).items[9]!.lastMessageAt!;
    expect((await all(since)).items).toHaveLength(9);
    await world.variant('updated_time', 'unix');
    expect((await all(since)).items).toHaveLength(9);
  });

  it('may have empty pages that are not the last', async () => {
    await generate(30);
    await world.variant('page_size', 1);
    await world.variant('largest_page', 7);
    expect((await all()).items).toHaveLength(30);
  });

  it('have their newest messages, and say where these end', async () => {
    const ana = await write(world, call, { count: 26 });
    const page = await conversations.messages(call, [ana.thread, ana.person], null);
    expect(page).toMatchObject({ delivered: 20, cursor: null, isCut: true });
    expect(page.items.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, n) => `Hi ${26 - n}`));
    expect(page.items[0]).toMatchObject({
      keys: [ana.messages.at(-1)],
      conversationKeys: [ana.thread, ana.person],
      direction: 'in',
      sender: { keys: [ana.person], isSelf: false, name: expect.any(String) },
      deleted: false,
      status: null,
    });
    for (const { deleted } of page.items) expect(deleted).toBe(false);
  });

  it('of which all can be read are not cut, nor where what is asked for can be read', async () => {
    const few = await write(world, call, { count: 3 });
    expect(await conversations.messages(call, [few.thread], null)).not.toHaveProperty('isCut');
    const many = await write(world, call, { from: 'Bo', count: 26 });
    const { items } = await conversations.messages(call, [many.thread], null);
    const tenth = Math.floor((items[9]?.sentAt ?? 0) / 1000) * 1000;
    const since = await conversations.messages(call, [many.thread], null, { after: tenth - 1_001 });
    expect(since.items.every(({ sentAt }) => (sentAt ?? 0) > tenth - 1_001)).toBe(true);
    const before = await conversations.messages(call, [many.thread], null, { before: 1 });
    expect(before).toMatchObject({ items: [], isCut: true });
  });

  it('messages that cannot be read are left out, and are not deleted', async () => {
    const ana = await write(world, call, { count: 10 });
    await world.variant('readable_messages', 4);
    const page = await conversations.messages(call, [ana.person], null);
    expect([page.delivered, page.items.length]).toEqual([10, 4]);
    expect(page.items.some(({ deleted }) => deleted)).toBe(false);
  });

  it('are found by their person alone, with the profile', async () => {
    const ana = await write(world, call);
    for (const keys of [[ana.person], [ana.thread]]) {
      expect(await conversations.one(call, keys)).toMatchObject({ keys: [ana.thread, ana.person], kind: 'person' });
      const people = await conversations.attendees(call, keys);
      const other = people.find(({ isSelf }) => isSelf === false);
      expect(other).toMatchObject({ keys: [ana.person], name: expect.any(String) });
      if (name === 'Messenger') expect(other?.pictureUrl).toMatch(/^http/);
    }
    expect(await conversations.one(call, ['5500000000000000'])).toBeNull();
    expect(await conversations.one(call, ['t_0'])).toBeNull();
    expect(await failureOf(conversations.messages(call, ['5500000000000000'], null))).toMatchObject({
      code: 'not_found',
    });
  });

  it('have answers, files and reactions of messages as they are', async () => {
    const ana = await write(world, call);
    const [asked] = ana.messages;
    await write(world, call, {
      text: 'See',
      reply_to: asked,
      attachments: [{ file_name: 'a.png', mimetype: 'image/png', size: 9 }],
    });
    const [seen] = (await conversations.messages(call, [ana.person], null)).items;
    expect(seen).toMatchObject({
      quotedKey: asked,
      attachments: [{ key: '0', kind: 'image', mimeType: 'image/png', size: 9, source: { place: 0 } }],
    });
  });
});

describe('WhatsApp', () => {
  it('keeps no history, and a conversation is what its ids say', async () => {
    const call = whatsappCall(world);
    expect(conversations.history).toEqual(['messenger', 'instagram']);
    expect(await failureOf(conversations.list(call, null))).toMatchObject({ code: 'unsupported' });
    expect(await failureOf(conversations.messages(call, ['ZA.7'], null))).toMatchObject({ code: 'unsupported' });
    const keys = ['ZA.70000000000000001', '27820000001@s.whatsapp.net'];
    expect(await conversations.one(call, keys)).toMatchObject({ keys, attendees: [{ keys, phone: '+27820000001' }] });
    expect(await conversations.one(call, ['group-1'])).toBeNull();
  });
});
