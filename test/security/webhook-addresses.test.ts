import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readNetworks } from '../../domain/public-address.ts';
import { createPost, type Post } from '../../providers/shared/public-post.ts';
import { createPublicAgents } from '../../providers/shared/public-agents.ts';
import { deliveryNetworks } from '../../services/outgoing/networks.ts';

const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  response.end('taken');
});
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => asked.splice(0));
afterAll(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);

const send = async (post: Post, address: string): Promise<object> => {
  const { status, error } = await post({
    url: new URL(address),
    headers: {},
    body: '{}',
    withinMs: 10_000,
    signal: new AbortController().signal,
  });
  return { status, error };
};
const nothing = { status: null, error: 'no_connection' };
const production = deliveryNetworks({ NODE_ENV: 'production', WEBHOOK_ALLOWED_NETWORKS: undefined });

/** Agents for which every name is an address inside. */
const resolvingInside = (list: string) =>
  createPublicAgents(
    (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    readNetworks(list) ?? [],
  );

describe('SECURITY 11 and 25: addresses to which events are delivered', () => {
  it.each([
    '127.0.0.1',
    'localhost',
    '10.0.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '0.0.0.0',
    '127.0.0.1.',
    '[::1]',
    '[fe80::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
  ])('%s is refused in production, as a closed port is', async (host) => {
    expect(await send(createPost(production), `http://${host}:${port}/`)).toEqual(nothing);
    expect(asked).toEqual([]);
  });

  it('a name that resolves inside is refused at connect time, and answers as an unknown one does', async () => {
    expect(await send(createPost([], resolvingInside('')), `http://rebound.example.com:${port}/`)).toEqual(nothing);
    expect(await send(createPost([], resolvingInside('10.0.0.0/8')), `http://rebound.example.com:${port}/`)).toEqual(
      nothing,
    );
    expect(asked).toEqual([]);
  });

  it('networks that the operator allows are reached, by address and by name, and no others', async () => {
    const allowed = readNetworks('127.0.0.0/8, 10.1.0.0/16')!;
    expect(await send(createPost(allowed), `http://127.0.0.1:${port}/a`)).toEqual({ status: 200, error: null });
    const post = createPost(allowed, resolvingInside('127.0.0.0/8'));
    expect(await send(post, `http://crm:${port}/b`)).toEqual({ status: 200, error: null });
    expect(asked).toEqual(['/a', '/b']);
    expect(await send(createPost(allowed), 'http://10.2.0.1/c')).toEqual(nothing);
    expect(await send(createPost(allowed), 'http://169.254.169.254/c')).toEqual(nothing);
  });

  it('outside production this machine is reached where nothing is set', () => {
    expect(deliveryNetworks({ NODE_ENV: undefined, WEBHOOK_ALLOWED_NETWORKS: undefined })).toEqual(
      readNetworks('127.0.0.0/8,::1/128'),
    );
    expect(production).toEqual([]);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'all', '10.0.0.0/8,', '::/129'])('%s is no list of networks', (list) =>
    expect(readNetworks(list)).toBeNull(),
  );
});
