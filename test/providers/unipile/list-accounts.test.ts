import { unipile } from '../../../providers/unipile/index.ts';
import { startTestSandbox, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf, inputFor, startPeer } from './peer.ts';

let world: TestSandbox;
beforeAll(async () => {
  world = await startTestSandbox();
});
afterAll(() => world?.close());

describe('the accounts that live at UniPile', () => {
  it('are listed with their channel, their name and how they stand, page after page', async () => {
    const here = callTo(world.unipileUrl, { providerAccountId: null });
    const mail = { ...here, channel: 'mail' } as const;
    const begun = await unipile.login.begin(mail, inputFor('mail', 'ada@a.example'));
    const phone = await world.whatsapp('+33639980100');
    for (let n = 0; n < 260; n += 1) await world.unipile('POST', '/accounts', { provider: 'TELEGRAM' });
    const found = await unipile.account.list(here);
    expect(found).toHaveLength(262);
    expect(found.slice(0, 3)).toMatchObject([
      { providerAccountId: begun.providerAccountId, channel: 'mail', view: { identity: 'ada@a.example' } },
      { providerAccountId: phone, channel: 'whatsapp', view: { status: 'linked', identity: '+33639980100' } },
      { channel: 'telegram', name: null, view: { status: 'pending', identity: null } },
    ]);
  });

  it('have no channel where none of ours fits, and are left out without an id', async () => {
    const peer = await startPeer();
    const items = ['GOOGLE_OAUTH', 'whatsapp', 'TWITTER', 'constructor', null].map((type, n) => ({ id: `${n}`, type }));
    peer.says(200, { items: [...items, null, { type: 'WHATSAPP' }], cursor: null });
    const found = await unipile.account.list(callTo(peer.dsn));
    expect(found.map(({ channel }) => channel)).toEqual(['mail', 'whatsapp', null, null, null]);
    peer.says(200, '<html></html>');
    expect((await failureOf(unipile.account.list(callTo(peer.dsn)))).code).toBe('provider_unavailable');
    peer.close();
  });
});
