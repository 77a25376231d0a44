import { buffer } from 'node:stream/consumers';
import { createFetchFile } from '../../providers/shared/public-file.ts';
import { createPublicAgents } from '../../providers/shared/public-agents.ts';
import { startFileServer, type FileServer } from '../support/file-server.ts';
import { failureOf } from '../providers/unipile/peer.ts';

let files: FileServer;
beforeAll(async () => {
  files = await startFileServer();
});
beforeEach(() => {
  files.asked = [];
});
afterAll(() => files?.close());

const soon = (): AbortSignal => AbortSignal.timeout(10_000);
const textAt = async (address: string): Promise<string> =>
  (await buffer((await files.fetchFile(address, soon())).body)).toString();
const refusal = async (address: string): Promise<object> => {
  const { code, message, effect } = await failureOf(textAt(address));
  return { code, message, effect };
};
const nothing = { code: 'request_refused', message: 'No file came from the address.', effect: 'none' };

/** Redirects `/to` to an address, and serves a file at every other path. */
const redirectTo = (location: string): void => {
  files.answer = ({ url }, response) =>
    url === '/to' ? void response.writeHead(302, { location }).end() : void response.end('a file');
};

describe('SECURITY 11: files at addresses that callers name', () => {
  it('come from a host of the internet, after redirects too, with their type and size', async () => {
    redirectTo('/next');
    expect(await textAt(`${files.url}/to`)).toBe('a file');
    files.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'Image/PNG; x=1', 'content-length': 6 }).end('a file');
    const { body, ...rest } = await files.fetchFile(files.url, soon());
    expect([rest, (await buffer(body)).toString()]).toEqual([{ mimeType: 'image/png', size: 6 }, 'a file']);
  });

  const inside = [
    ['private', '10.0.0.1'],
    ['private', '192.168.1.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '[::1]'],
    ['loopback', 'localhost'],
    ['link-local', '169.254.169.254'],
    ['link-local', '[fe80::1]'],
    ['mapped', '[::ffff:127.0.0.1]'],
    ['NAT64', '[64:ff9b::7f00:1]'],
    ['unspecified', '0.0.0.0'],
    ['unspecified', '127.0.0.1.'],
  ];

  it.each(inside)('a %s address is refused: %s', async (_, host) => {
    expect(await refusal(`http://${host}/file`)).toEqual(nothing);
  });

  it.each(inside)('a %s address is refused after a redirect: %s', async (_, host) => {
    redirectTo(`http://${host}/file`);
    expect(await refusal(`${files.url}/to`)).toEqual(nothing);
    expect(files.asked).toEqual(['/to']);
  });

  it('the server itself is refused by its address inside, at connect time after a redirect', async () => {
    redirectTo(`http://${files.inside}/file`);
    expect(await refusal(`${files.url}/to`)).toEqual(nothing);
    expect(await refusal(`http://${files.inside}/file`)).toEqual(nothing);
    expect(files.asked).toEqual(['/to']);
  });

  it.each([
    'ftp://files.example.com/a',
    'http://files.example.com:22/a',
    'http://a:b@files.example.com/a',
    'file:///etc/passwd',
  ])('another scheme, port or credentials are refused: %s', async (address) => {
    expect(await refusal(address)).toEqual(nothing);
    redirectTo(address);
    expect(await refusal(`${files.url}/to`)).toEqual(nothing);
  });

  it('a name that resolves inside is refused at connect time', async () => {
    const fetchFile = createFetchFile(
      createPublicAgents((_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }])),
    );
    expect(await failureOf(fetchFile('http://rebound.example.com/a', soon()))).toMatchObject(nothing);
  });

  it('redirects come to an end', async () => {
    redirectTo('/to');
    expect(await refusal(`${files.url}/to`)).toEqual(nothing);
    expect(files.asked).toHaveLength(4);
  });

  it('a status without a file is told; a file that breaks off is none', async () => {
    files.answer = (_request, response) => void response.writeHead(410).end('expired');
    expect(await refusal(files.url)).toMatchObject({ message: 'The address answered 410.' });
    files.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 50);
    };
    expect(await refusal(files.url)).toMatchObject({ message: 'The file broke off.' });
  });

  it('the signal ends a file that never ends', async () => {
    files.answer = (_request, response) => void response.writeHead(200).write('begins');
    const end = new AbortController();
    const { body } = await files.fetchFile(files.url, end.signal);
    const read = failureOf(buffer(body));
    end.abort();
    expect(await read).toMatchObject({ code: 'request_refused' });
  });
});
