import type { Channel } from '../../../domain/channels.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { startTestSandbox, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf, inputFor, qr, startPeer } from './peer.ts';

const { login } = unipile;
let world: TestSandbox;
beforeAll(async () => {
  world = await startTestSandbox();
});
beforeEach(() => world.control('POST', '/reset'));
afterAll(() => world?.close());

const call = (channel: Channel) => callTo(world.unipileUrl, { channel, providerAccountId: null });
const recently = () => Date.now() - 60_000;

/** Begins a login that takes effect while its answer is lost; gives its id. */
async function lose(channel: Channel, input = inputFor(channel, 'ada@lost.example')): Promise<string> {
  await world.control('PUT', '/faults', { provider: 'unipile', after_effect: 1, times: 1 });
  expect(await failureOf(login.begin(call(channel), input))).toMatchObject({ effect: 'unknown' });
  const { items } = (await world.unipile('GET', '/accounts')).body;
  return items.at(-1).id;
}

describe('a beginning whose answer was lost', () => {
  it.each(['linkedin', 'instagram', 'messenger', 'mail'] as const)(
    'of %s is proven by the name that was typed, whatever its capitals',
    async (channel) => {
      await login.begin(call(channel), inputFor(channel, 'bo@other.example'));
      const id = await lose(channel);
      for (const typed of ['ada@lost.example', ' Ada@Lost.Example']) {
        const found = await login.findUnconfirmedLogins(call(channel), inputFor(channel, typed), recently());
        expect(found.filter((one) => one.proven)).toEqual([{ providerAccountId: id, proven: true }]);
        expect(found).toHaveLength(2);
      }
    },
  );

  it.each(['whatsapp', 'telegram'] as const)('of %s is found, but never proven: nothing was typed', async (channel) => {
    const id = await lose(channel, qr);
    const found = await login.findUnconfirmedLogins(call(channel), qr, recently());
    expect(found).toEqual([{ providerAccountId: id, proven: false }]);
  });

  it('is found, but not proven, while it waits at a checkpoint: it does not say yet whose it is', async () => {
    const input = inputFor('linkedin', '2fa@lost.example');
    const id = await lose('linkedin', input);
    const found = await login.findUnconfirmedLogins(call('linkedin'), input, recently());
    expect(found).toEqual([{ providerAccountId: id, proven: false }]);
  });

  it('is neither older nor of another channel', async () => {
    const input = inputFor('linkedin', 'ada@lost.example');
    await lose('linkedin');
    expect(await login.findUnconfirmedLogins(call('linkedin'), input, Date.now() + 60_000)).toEqual([]);
    expect(await login.findUnconfirmedLogins(call('instagram'), input, recently())).toEqual([]);
  });

  it('is nothing when nothing was begun', async () =>
    expect(await login.findUnconfirmedLogins(call('linkedin'), inputFor('linkedin', 'ada'), 0)).toEqual([]));

  it('is found behind hundreds of other accounts, page after page', async () => {
    for (let n = 0; n < 510; n += 1) await world.unipile('POST', '/accounts', { provider: 'WHATSAPP' });
    await lose('linkedin');
    const input = inputFor('linkedin', 'ada@lost.example');
    expect(await login.findUnconfirmedLogins(call('linkedin'), input, recently())).toEqual([
      { providerAccountId: expect.any(String), proven: true },
    ]);
    const calls: { method: string; route: string; count: number }[] = (await world.control('GET', '/calls')).body;
    const asked = calls.find((one) => one.method === 'GET' && one.route === '/api/v1/accounts');
    expect(asked?.count).toBe(1 + 3);
  });
});

describe('an account of which something is missing', () => {
  const find = async (typed: string, ...items: unknown[]) => {
    const peer = await startPeer();
    peer.says(200, { object: 'AccountList', items, cursor: null });
    const found = await login.findUnconfirmedLogins(callTo(peer.dsn), inputFor('linkedin', typed), 1_000);
    peer.close();
    return found;
  };
  const item = { id: 'a', type: 'LINKEDIN', connection_params: { im: { username: 'ada' } } };

  it('is not proven where it does not say when it was made', async () =>
    expect(await find('ada', item, { ...item, created_at: 'soon' })).toEqual([
      { providerAccountId: 'a', proven: false },
      { providerAccountId: 'a', proven: false },
    ]));

  it('is not proven by a missing name', async () => {
    const created_at = new Date().toISOString();
    for (const typed of ['undefined', 'null', '[object Object]'])
      for (const im of [{}, { username: null }, { username: {} }, null])
        expect(await find(typed, { ...item, created_at, connection_params: { im } })).toEqual([
          { providerAccountId: 'a', proven: false },
        ]);
  });

  it('is left out without an id, and found whatever the spelling of its type', async () => {
    const created_at = new Date().toISOString();
    expect(await find('ada', null, 5, { ...item, id: '' }, { ...item, type: 'LinkedIn', created_at })).toEqual([
      { providerAccountId: 'a', proven: true },
    ]);
  });
});
