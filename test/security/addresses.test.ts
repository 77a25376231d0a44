import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addressGroup, isPublicHost, isPublicIp, readAddress } from '../../domain/public-address.ts';
import { unipile } from '../../providers/unipile/index.ts';
import { createPublicAgents } from '../../providers/shared/public-agents.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import { callTo, failureOf } from '../providers/unipile/peer.ts';

/** Host names that are, or surely lead, inside. */
const insideHosts = [
  'localhost',
  'localhost.',
  'a.localhost',
  'a.localhost.',
  'metadata.google.internal',
  'metadata.google.internal.',
  'postgres',
  'printer.local',
  'nas.home.arpa',
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '10.1.2.3',
  '172.20.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '[fe80::1]',
  '[fec0::1]',
  '[fd00::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:8.8.8.8]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::a00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
];

it.each(insideHosts)('%s is inside', (host) => {
  expect(isPublicHost(new URL(`https://${host}`).hostname)).toBe(false);
});

it.each(['api1.unipile.com', 'api1.unipile.com.', '8.8.8.8', '172.32.0.1', '[2606:4700::1111]', 'local.example.com'])(
  '%s is outside',
  (host) => expect(isPublicHost(new URL(`https://${host}`).hostname)).toBe(true),
);

it('takes nothing for an address of the internet that is none', () => {
  for (const ip of ['', 'localhost', '1.2.3', '::ffff:1.2.3.4%eth0']) expect([ip, isPublicIp(ip)]).toEqual([ip, false]);
});

it.each([
  ' https://a.example',
  'https://a.example\n',
  'ht\ttps://a.example',
  '\u00a0https://a.example',
  'a.example /x',
])('%j is no address, for checks and calls alike', (text) =>
  expect([readAddress(text, 'url'), readAddress(text, 'host')]).toEqual([null, null]),
);

describe('a tenant of a production', () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi({ NODE_ENV: 'production' });
  });
  afterAll(() => api?.stop());

  const put = async (provider: string, settings: object) => {
    const { status, body } = await api.client.put(`/api/v1/providers/${provider}`, settings);
    return { status, code: body.code };
  };

  it('sends the process to no address of its own network, however it is spelled', async () => {
    const spellings = (host: string) => [
      `https://${host}`,
      ` https://${host}`,
      `\thttps://${host}`,
      `\nhttps://${host}`,
      `https://${host} `,
      `HTTPS://${host}:8443/api`,
      `http://${host}`,
      `ht\ntps://${host}`,
    ];
    const refused = { status: 422, code: 'invalid_settings' };
    for (const host of insideHosts)
      for (const address of spellings(host)) {
        const token = { api_token: '1|token' };
        expect([address, await put('wasender', { ...token, base_url: address })]).toEqual([address, refused]);
        expect([address, await put('unipile', { dsn: address, access_token: 'token' })]).toEqual([address, refused]);
      }
    for (const dsn of ['127.0.0.1:13111', 'localhost:443', ' 10.0.0.1'])
      expect([dsn, await put('unipile', { dsn, access_token: 'token' })]).toEqual([dsn, refused]);
    expect(await put('unipile', { dsn: 'http://api1.unipile.com:13111', access_token: 'token' })).toEqual(refused);
  });

  it('sets an address of the internet', async () => {
    expect((await put('unipile', { dsn: 'api1.unipile.com:13111', access_token: 'token' })).status).toBe(200);
    expect((await put('wasender', { api_token: '1|token', base_url: 'https://a.example/api' })).status).toBe(200);
  });
});

describe('a connection to public hosts only', () => {
  let server: Server;
  let port: number;
  let connections = 0;

  beforeAll(async () => {
    server = createServer((_request, response) => response.end('inside'));
    server.on('connection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  /** What a request to a host ends with, where DNS answers these addresses. */
  const outcome = (host: string, addresses: string[]): Promise<string> => {
    const { httpAgent: agent } = createPublicAgents((_name, _options, done) =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
    return new Promise((resolve) => {
      const asked = httpRequest({ host, port, agent, timeout: 500 }, () => resolve('answered'));
      asked.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
      asked.once('timeout', () => resolve('sent'));
      asked.end();
    });
  };

  it('is not made to a name that resolves inside, nor where one of its addresses is inside', async () => {
    for (const addresses of [['127.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['203.0.114.7', '127.0.0.1'], []])
      expect([addresses, await outcome('rebound.example', addresses)]).toEqual([addresses, 'ENOTPUBLIC']);
    expect(connections).toBe(0);
  });

  it('is not made to an address inside, which is never resolved', async () => {
    for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1', 'localhost'])
      expect([host, await outcome(host, ['203.0.114.7'])]).toEqual([host, 'ENOTPUBLIC']);
    expect(connections).toBe(0);
  });

  it('tells an open port from a closed one to nobody: every refusal has one text and one effect', async () => {
    const hosts = [`127.0.0.1:${port}`, '127.0.0.1:1', '[::1]:1', `localhost:${port}`, '10.255.255.1:1'];
    for (const host of hosts) {
      const { code, message, effect } = await failureOf(
        unipile.account.checkCredentials(callTo(`https://${host}`, { reach: 'public' })),
      );
      expect({ code, message, effect }).toEqual({
        code: 'provider_unavailable',
        message: 'UniPile did not answer.',
        effect: 'none',
      });
    }
    expect(connections).toBe(0);
  });

  it('fails with the same text where a port is closed and where another protocol answers', async () => {
    const said = await Promise.all(
      [`https://127.0.0.1:${port}`, 'https://127.0.0.1:1', 'http://127.0.0.1:1'].map(
        async (dsn) => (await failureOf(unipile.account.checkCredentials(callTo(dsn)))).message,
      ),
    );
    expect(new Set(said)).toEqual(new Set(['UniPile did not answer.']));
  });
});

it('counts the addresses of one IPv6 network as one, and an IPv4 address by itself, mapped or not', () => {
  expect(addressGroup('203.0.113.7')).toBe('203.0.113.7');
  expect(addressGroup('::ffff:203.0.113.7')).toBe('203.0.113.7');
  expect(addressGroup('2001:db8:1:2::7')).toBe(addressGroup('2001:db8:1:2:ffff::1'));
  expect(addressGroup('2001:db8:1:2::7')).not.toBe(addressGroup('2001:db8:1:3::7'));
  expect(addressGroup('')).toBe('');
});
