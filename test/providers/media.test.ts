import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SeenAttachment } from '../../domain/seen-messages.ts';
import type { ProviderCall } from '../../providers/provider.ts';
import { createDownload } from '../../providers/shared/download.ts';
import { unipile } from '../../providers/unipile/index.ts';
import { wasender } from '../../providers/wasender/index.ts';
import { readMessage } from '../../providers/wasender/seen-messages.ts';
import { startReceiver } from '../sandbox/test-sandbox.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../sandbox/wasender-sandbox.ts';
import { callTo as unipileCall, failureOf } from './unipile/peer.ts';
import { callTo as wasenderCall, linkedCall } from './wasender/calls.ts';

/** What came of a file. */
async function read(
  file: Awaited<ReturnType<typeof unipile.media.attachment>> | null,
): Promise<object | string | null> {
  if (file === null || file === 'unavailable') return file;
  const { body, ...rest } = file;
  return { ...rest, bytes: (await buffer(body)).length };
}

let world: WasenderSandbox;
beforeAll(async () => {
  world = await startWasenderSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
});
afterAll(() => world?.close());

describe('files of UniPile', () => {
  let here: ProviderCall;
  beforeEach(async () => {
    const account = await world.whatsapp('+33639980001');
    here = unipileCall(world.unipileUrl, { channel: 'whatsapp', providerAccountId: account });
  });

  it('come with their type and size, and what is gone is unavailable', async () => {
    await world.control('POST', '/messages', {
      account_id: here.providerAccountId,
      from: '+33639981234',
      attachments: [{ file_name: 'a.pdf', mimetype: 'application/pdf', size: 12_345 }],
    });
    const { items } = await unipile.conversations.messages(here, ['33639981234@s.whatsapp.net'], null);
    const { source } = items[0]!.attachments[0]!;
    const file = await unipile.media.attachment(here, source!);
    expect(await read(file)).toEqual({ mimeType: 'application/pdf', size: 12_345, bytes: 12_345 });
    expect(await unipile.media.attachment(here, { ...source, attachment: 'none' })).toBe('unavailable');
    expect(await failureOf(unipile.media.attachment(here, {}))).toMatchObject({ code: 'request_refused' });
  });

  it('that UniPile says are unavailable are so', async () => {
    await world.control('PUT', '/address-book', { account_id: here.providerAccountId, size: 60 });
    const gone: SeenAttachment[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await unipile.conversations.list(here, cursor);
      for (const { keys } of page.items.slice(0, 40)) {
        const { items } = await unipile.conversations.messages(here, keys, null);
        gone.push(...items.flatMap(({ attachments }) => attachments.filter((one) => one.unavailable)));
      }
      ({ cursor } = page);
      if (gone.length || cursor === null) break;
    }
    expect(await unipile.media.attachment(here, gone[0]!.source!)).toBe('unavailable');
  });

  it('pictures come of people and groups', async () => {
    const { items } = await unipile.conversations.list(here, null);
    const group = items.find(({ kind }) => kind === 'group')!;
    expect(await read(await unipile.media.picture(here, group.pictureSource!))).toMatchObject({
      mimeType: 'image/png',
    });
    const people = await unipile.conversations.attendees(here, group.keys);
    const pictures = await Promise.all(
      people.map(async ({ pictureUrl, pictureSource }) => [
        pictureUrl !== null,
        await unipile.media.picture(here, pictureSource!),
      ]),
    );
    for (const [hasOne, file] of pictures) expect(file !== null).toBe(hasOne);
    expect(await unipile.media.picture(here, { picture: 'none' })).toBeNull();
  });

  it('fail as other calls do', async () => {
    await world.control('PUT', '/variants', { provider: 'unipile', name: 'refuses_keys', value: true });
    expect(await failureOf(unipile.media.picture(here, { picture: 'none' }))).toMatchObject({
      code: 'provider_key_rejected',
    });
  });
});

describe('files of WASender', () => {
  let here: ProviderCall;
  beforeEach(async () => {
    here = await linkedCall(world);
  });

  it('are decrypted, come with their type and size, and what is gone is unavailable', async () => {
    const receiver = await startReceiver();
    await world.wasender('PUT', `/whatsapp-sessions/${here.providerAccountId}`, {
      webhook_url: receiver.url,
      webhook_enabled: true,
      webhook_events: ['messages.received'],
    });
    await world.control('POST', '/messages', {
      session: here.providerAccountId,
      from: '+33639981234',
      text: 'See',
      attachments: [{ file_name: 'a.png', mimetype: 'image/png', size: 12_345 }],
    });
    const [event] = await receiver.until(1);
    await receiver.close();
    const message = readMessage(event!.body.data.messages)!;
    expect(message).toMatchObject({ text: 'See', attachments: [{ kind: 'image', size: 12_345, url: null }] });
    const source = message.attachments[0]!.source!;
    const file = await wasender.media.attachment(here, source);
    expect(await read(file)).toEqual({ mimeType: 'image/png', size: 12_345, bytes: 12_345 });
    const lost = { ...source, message: { imageMessage: { mediaKey: 'lost' } } };
    expect(await wasender.media.attachment(here, lost)).toBe('unavailable');
    expect(await failureOf(wasender.media.attachment(here, { id: 'a' }))).toMatchObject({ code: 'request_refused' });
  });

  it('pictures come of people and groups, where there are some', async () => {
    await world.control('PUT', '/address-book', { session: here.providerAccountId, size: 40 });
    const { body } = await world.wasender('GET', '/groups', undefined, here.keys!.apiKey);
    expect(await read(await wasender.media.picture(here, { group: body.data[0].id }))).toMatchObject({
      mimeType: 'image/png',
    });
    const people = await wasender.conversations.attendees(here, [body.data[0].id]);
    const pictures = [];
    for (const { pictureSource } of people)
      pictures.push(await read(await wasender.media.picture(here, pictureSource!)));
    expect(pictures).toContainEqual(expect.objectContaining({ mimeType: 'image/png' }));
    expect(await wasender.media.picture(here, { person: '33639980000@s.whatsapp.net' })).toBeNull();
    expect(await wasender.media.picture(here, { group: '120363999999999999@g.us' })).toBeNull();
  });
});

describe('SECURITY 11: a file', () => {
  let server: Server;
  let origin: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: string[];
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(() => {
    server?.closeAllConnections();
    server?.close();
  });

  const source = { id: '3EB0', message: { imageMessage: { mediaKey: 'k' } } };
  const here = (): ProviderCall => wasenderCall(origin, { keys: { apiKey: 'key' } });
  const decryptsTo = (url: unknown): void => {
    answer = (_request, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ success: true, publicUrl: url }));
    };
  };

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://localhost:9/',
    'https://10.0.0.1/',
    'https://[::ffff:127.0.0.1]/',
    'https://wasenderapi.com.evil.test/',
    'https://evilwasenderapi.com/',
    'http://www.wasenderapi.com/plain',
    'https://www.wasenderapi.com:8443/',
    'https://user@www.wasenderapi.com/',
  ])('at %s is not fetched', async (url) => {
    decryptsTo(url);
    expect(await failureOf(wasender.media.attachment(here(), source))).toMatchObject({ code: 'request_refused' });
    expect(asked).toEqual(['POST /decrypt-media']);
  });

  it.each([undefined, null, 7, 'file:///etc/passwd', 'none'])('at %j has no address', async (url) => {
    decryptsTo(url);
    expect(await failureOf(wasender.media.attachment(here(), source))).toMatchObject({ code: 'provider_unavailable' });
  });

  it.each([
    'http://127.0.0.1:9/',
    'https://evil.test/',
    '//evil.test/',
    'https://169.254.169.254/',
    'gopher://a/',
    'http://',
  ])('is not followed to %s', async (location) => {
    answer = (_request, response) => response.writeHead(302, { location }).end();
    const call = unipileCall(origin, { channel: 'whatsapp' });
    expect(await failureOf(unipile.media.picture(call, { picture: 'a' }))).toMatchObject({ code: 'request_refused' });
    expect(asked).toHaveLength(1);
  });

  it('is followed on the same host, not without end, and the key goes to no other host', async () => {
    const keys: unknown[] = [];
    answer = (request, response) => {
      keys.push(request.headers['x-api-key']);
      if (request.url === '/file') response.setHeader('content-type', 'IMAGE/PNG; a=b').end('png');
      else response.writeHead(307, { location: '/file' }).end();
    };
    const call = unipileCall(origin, { channel: 'whatsapp' });
    expect(await read(await unipile.media.picture(call, { picture: 'a' }))).toEqual({
      mimeType: 'image/png',
      size: 3,
      bytes: 3,
    });
    expect(keys).toEqual(['sandbox-key', 'sandbox-key']);
    answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
    expect(await failureOf(unipile.media.picture(call, { picture: 'a' }))).toMatchObject({ code: 'request_refused' });
  });

  it('on the provider’s own address is not fetched inside where only the internet may be reached', async () => {
    answer = (_request, response) => response.end('png');
    const call = unipileCall(origin, { channel: 'whatsapp', reach: 'public' });
    expect(await failureOf(unipile.media.picture(call, { picture: 'a' }))).toMatchObject({
      code: 'provider_unavailable',
    });
    expect(asked).toEqual([]);
  });

  it('whose address is over is asked for anew, once', async () => {
    answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(410).end('This address has expired.');
      else response.setHeader('content-type', 'application/json').end(JSON.stringify({ publicUrl: `${origin}/file` }));
    };
    expect(await wasender.media.attachment(here(), source)).toBe('unavailable');
    expect(asked).toEqual(['POST /decrypt-media', 'GET /file', 'POST /decrypt-media', 'GET /file']);
  });

  it.each([
    [429, 'rate_limited'],
    [500, 'provider_unavailable'],
  ])('whose address answers %i is a failure', async (status, code) => {
    answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(status).end('x'.repeat(200_000));
      else response.setHeader('content-type', 'application/json').end(JSON.stringify({ publicUrl: `${origin}/file` }));
    };
    expect(await failureOf(wasender.media.attachment(here(), source))).toMatchObject({ code });
  });

  it('that is too large, ends early or is given up fails while it is read', async () => {
    const download = createDownload('Test', [], 1_000);
    const fetchFile = async (signal?: AbortSignal) => {
      const got = await download({ url: origin, origin, headers: {}, reach: 'any', signal });
      if (!('file' in got)) throw new Error('no file');
      return got.file;
    };
    answer = (_request, response) => response.end('x'.repeat(1_000));
    expect((await buffer((await fetchFile()).body)).length).toBe(1_000);

    answer = (_request, response) => {
      response.write('x'.repeat(600));
      setImmediate(() => response.end('x'.repeat(600)));
    };
    await expect(fetchFile().then(({ body }) => buffer(body))).rejects.toThrow();

    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 500 });
      response.write('x'.repeat(100));
      setImmediate(() => response.destroy());
    };
    await expect(fetchFile().then(({ body }) => buffer(body))).rejects.toThrow();

    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 500 });
      response.write('x'.repeat(100));
    };
    const given = new AbortController();
    const { body } = await fetchFile(given.signal);
    given.abort();
    await expect(buffer(body)).rejects.toThrow();
  });
});
