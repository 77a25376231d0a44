import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { ProviderCall } from '../../../providers/provider.ts';
import { meta } from '../../../providers/meta/index.ts';
import {
  startMetaReceiver,
  startMetaSandbox,
  WHATSAPP,
  type ConnectedPage,
  type MetaSandbox,
} from '../../sandbox/meta-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { instagramCall, messengerCall, whatsappCall, write } from './inbox.ts';

const { media, conversations } = meta;

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

async function read(file: Awaited<ReturnType<typeof media.attachment>> | null): Promise<object | string | null> {
  if (file === null || file === 'unavailable') return file;
  return { mimeType: file.mimeType, bytes: (await buffer(file.body)).length };
}
const attachments = [{ file_name: 'a.png', mimetype: 'image/png', size: 1_234 }];
const whole = { mimeType: 'image/png', bytes: 1_234 };

describe.each<[string, () => ProviderCall]>([
  ['Messenger', () => messengerCall(world, page)],
  ['Instagram', () => instagramCall(world, page)],
])('files of %s', (_name, connect) => {
  const fileOf = async (call: ProviderCall) => {
    const ana = await write(world, call, { attachments });
    const { items } = await conversations.messages(call, [ana.person], null);
    return { ana, source: items[0]!.attachments[0]!.source! };
  };

  it('come from the address that the message told', async () => {
    const call = connect();
    const { source } = await fileOf(call);
    expect(await read(await media.attachment(call, source))).toEqual(whole);
  });

  it('have a new address once that is over, as long as the message can be read', async () => {
    const call = connect();
    const { ana, source } = await fileOf(call);
    const over = { ...source, url: `${world.metaUrl}/files/attachment/0` };
    expect(await read(await media.attachment(call, over))).toEqual(whole);
    await write(world, call, { count: 25 });
    expect(await media.attachment(call, over)).toBe('unavailable');
    expect(await media.attachment(call, { message: ana.messages[0]!, place: 7 })).toBe('unavailable');
    expect(await media.attachment(call, { message: 'm_unknown', place: 0 })).toBe('unavailable');
    expect(await failureOf(media.attachment(call, {}))).toMatchObject({ code: 'request_refused' });
  });

  it('pictures of people are asked for each time', async () => {
    const call = connect();
    const people = await Promise.all(['Ana', 'Bo', 'Chi', 'Dee'].map((from) => write(world, call, { from })));
    const pictures = await Promise.all(people.map(async ({ person }) => read(await media.picture(call, { person }))));
    expect(pictures.filter((one) => one !== null).length).toBeGreaterThan(0);
    for (const one of pictures) if (one !== null) expect(one).toMatchObject({ mimeType: 'image/png' });
    expect(await media.picture(call, { person: '5500000000000000' })).toBeNull();
    expect(await failureOf(media.picture(call, {}))).toMatchObject({ code: 'request_refused' });
  });
});

describe('files of WhatsApp', () => {
  const received = async (): Promise<{ call: ProviderCall; source: any }> => {
    const call = whatsappCall(world);
    const receiver = await startMetaReceiver();
    await world.listen(receiver, null);
    await write(world, call, { from: '+27820000001', attachments });
    const [{ text } = { text: '' }] = await receiver.until(1);
    await receiver.close();
    const [event] = meta.webhooks.read({ raw: Buffer.from(text), headers: {} }).events as any;
    return { call, source: event.message.attachments[0].source };
  };

  it('come by their id, from an address that is asked for each time', async () => {
    const { call, source } = await received();
    expect(await read(await media.attachment(call, source))).toEqual(whole);
    await world.later(600);
    expect(await read(await media.attachment(call, source))).toEqual(whole);
    await world.later(8 * 86_400);
    expect(await media.attachment(call, source)).toBe('unavailable');
    expect(await media.attachment(call, { media: '900000000000000' })).toBe('unavailable');
  });

  it('that are over between the two calls are asked for once more', async () => {
    const { call, source } = await received();
    await world.variant('media_url_seconds', 0.001);
    expect(await media.attachment(call, source)).toBe('unavailable');
    const calls = (await world.control('GET', '/calls')).body as { route: string; count: number }[];
    expect(calls.find(({ route }) => route === '/whatsapp-media/:id')?.count).toBe(2);
  });
});

describe('other hosts', () => {
  let server: Server;
  let asked: (string | undefined)[] = [];
  let origin: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.end('secret');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(() => server?.close());

  it.each([
    () => `${origin}/a.png`,
    () => 'https://fbcdn.net.evil.test/a.png',
    () => 'https://evilfbcdn.net/a.png',
    () => 'http://scontent.fbcdn.net/a.png',
    () => 'https://scontent.fbcdn.net:8443/a.png',
    () => 'https://user@evil.test/a.png',
  ])('than Meta’s are never called', async (address) => {
    const call = messengerCall(world, page);
    const source = { message: 'm', place: 0, url: address() };
    expect(await failureOf(media.attachment(call, source))).toMatchObject({ code: 'request_refused' });
    expect(asked).toEqual([]);
  });

  it('get no key of WhatsApp, whatever address an answer tells', async () => {
    // A stand-in of the API that tells an address elsewhere.
    const api = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ url: `${origin}/file`, id: '1' }));
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const base_url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const call = whatsappCall(world);
    const elsewhere = { ...call, settings: { ...call.settings, base_url } };
    expect(await failureOf(media.attachment(elsewhere, { media: '1' }))).toMatchObject({ code: 'request_refused' });
    api.close();
    expect(asked).toEqual([]);
    expect(WHATSAPP.token).toBe(call.keys?.apiKey);
  });
});
