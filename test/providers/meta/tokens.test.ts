import { meta } from '../../../providers/meta/index.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { startMetaSandbox, type MetaSandbox } from '../../sandbox/meta-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { connected } from './calls.ts';

const { login, tokens } = meta;
const day = 24 * 60 * 60_000;

let world: MetaSandbox;
/** How far the sandbox's clock is ahead, in milliseconds. */
let ahead = 0;
beforeAll(async () => {
  world = await startMetaSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  ahead = 0;
});
afterAll(() => world?.close());

const later = async (days: number): Promise<void> => {
  await world.later(days * 24 * 3_600);
  ahead += days * day;
};
const nowOf = (call: ProviderCall): ProviderCall => ({ ...call, now: Date.now() + ahead });
const renewed = async (call: ProviderCall): Promise<ProviderCall> => {
  const asked = nowOf(call);
  return { ...asked, keys: await tokens.refreshToken(asked) };
};
const statusOf = async (call: ProviderCall) => (await login.check(nowOf(call))).status;

describe('D5: the token of a Page', () => {
  it('is had anew with its owner’s, again and again beyond the owner’s first life', async () => {
    let call = await connected(world, 'messenger', 'plain@meta.example');
    const first = call.keys;
    for (const _half of [1, 2, 3]) {
      await later(30);
      call = await renewed(call);
      expect((call.keys?.refreshAt ?? 0) - call.now).toBeGreaterThan(29 * day);
      expect(await statusOf(call)).toBe('linked');
    }
    expect(call.keys).toMatchObject({ scopes: first?.scopes });
    expect(call.keys?.parentKey).not.toBe(first?.parentKey);
  });

  it('of an Instagram account stays that of its Page', async () => {
    const call = await connected(world, 'instagram', 'plain@meta.example');
    await later(30);
    const after = await renewed(call);
    expect(after.keys?.node).toBe(call.keys?.node);
    expect(await statusOf(after)).toBe('linked');
  });

  it('outlives its owner’s, which can be renewed no more after its end', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await later(61);
    const after = await renewed(call);
    expect(after.keys?.apiKey).toBe(call.keys?.apiKey);
    expect([after.keys?.parentKey, after.keys?.refreshAt]).toEqual([undefined, undefined]);
    expect(await statusOf(after)).toBe('linked');
  });

  it('that has ended with its owner’s asks for a login', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await world.control('POST', '/drop', { account_id: call.providerAccountId, status: 'app_removed' });
    expect(await failureOf(tokens.refreshToken(call))).toMatchObject({ code: 'login_lost' });
  });

  it('keeps the old one valid, so that a lost answer loses nothing', async () => {
    const call = await connected(world, 'messenger', 'plain@meta.example');
    await later(30);
    await renewed(call);
    expect(await statusOf(call)).toBe('linked');
    expect(await statusOf(await renewed(call))).toBe('linked');
  });
});

describe('D5: the token of an Instagram login', () => {
  const connect = () => connected(world, 'instagram', 'plain@meta.example', { login: 'instagram' });

  it('is renewed for another 60 days, and keeps its permissions', async () => {
    let call = await connect();
    for (const _half of [1, 2, 3]) {
      await later(30);
      call = await renewed(call);
      expect((call.keys?.expiresAt ?? 0) - call.now).toBeGreaterThan(59 * day);
      expect(call.keys?.scopes).toContain('instagram_business_manage_messages');
      expect(await statusOf(call)).toBe('linked');
    }
  });

  it('is not renewed within its first day, which loses nothing', async () => {
    const call = await connect();
    expect(await failureOf(tokens.refreshToken(call))).toMatchObject({ code: 'request_refused', effect: 'none' });
    await later(2);
    expect(await statusOf(await renewed(call))).toBe('linked');
  });

  it('that has ended asks for a login', async () => {
    const call = await connect();
    await later(61);
    expect(await failureOf(tokens.refreshToken(nowOf(call)))).toMatchObject({ code: 'login_lost' });
    expect(await statusOf(call)).toBe('login_lost');
  });
});

it('without a key there is nothing to renew', async () => {
  const call = await connected(world, 'messenger', 'plain@meta.example');
  expect(await failureOf(tokens.refreshToken({ ...call, keys: null }))).toMatchObject({ code: 'login_lost' });
});
