import type { OutgoingMessage, ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { linkedCall } from './calls.ts';

let world: WasenderSandbox;
let here: ProviderCall;
beforeAll(async () => {
  world = await startWasenderSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  here = await linkedCall(world);
});
afterAll(() => world?.close());

const send = (message: OutgoingMessage, call = here) => wasender.messages.send(call, message);
const friend = '+33639989777';
const to = { kind: 'phone', phone: friend } as const;

/** The messages that WASender's own log holds, the newest first. */
const logged = async (): Promise<{ to: string; content: Record<string, unknown> }[]> => {
  const { body } = await world.wasender('GET', `/whatsapp-sessions/${here.providerAccountId}/message-logs`);
  return body.data.data.map(({ to, content }: { to: string; content: string }) => ({
    to,
    content: JSON.parse(content),
  }));
};

describe('a message', () => {
  const url = 'https://files.example.test/one';
  const kinds: [string, OutgoingMessage, object][] = [
    ['a text', { to, text: 'Hello 👋' }, { text: 'Hello 👋' }],
    [
      'an image with its caption',
      { to, text: 'See', attachment: { kind: 'image', url } },
      { text: 'See', imageUrl: url },
    ],
    ['a video', { to, attachment: { kind: 'video', url } }, { videoUrl: url }],
    [
      'a file',
      { to, attachment: { kind: 'document', url, fileName: 'a.pdf' } },
      { documentUrl: url, fileName: 'a.pdf' },
    ],
    ['a voice note', { to, attachment: { kind: 'audio', url } }, { audioUrl: url }],
    ['a sticker', { to, attachment: { kind: 'sticker', url } }, { stickerUrl: url }],
  ];
  it.each(kinds)('is handed over as %s, and its id is told', async (_what, message, content) => {
    const { providerMessageId } = await send(message);
    expect(providerMessageId).toMatch(/^\d+$/);
    expect((await logged())[0]).toMatchObject({ to: friend, content });
  });

  it.each(['33639989777', '33639989777@s.whatsapp.net', '33639989777:12@s.whatsapp.net', '33639989777@c.us'])(
    'reaches %s by the number',
    async (id) => {
      await send({ to: { kind: 'identity', id }, text: 'Hello' });
      expect((await logged())[0]?.to).toBe(friend);
    },
  );

  it('answers another one', async () => {
    const { providerMessageId } = await send({ to, text: 'One' });
    await send({ to, text: 'Two', replyTo: providerMessageId ?? '' });
    expect((await logged())[0]?.content.replyTo).toBe(Number(providerMessageId));
  });

  it('has no id where WASender tells none', async () => {
    await world.variant('send_answer', 'message');
    expect(await send({ to, text: 'Hello' })).toEqual({ providerMessageId: null });
  });
});

describe('what cannot be sent', () => {
  it.each<[string, OutgoingMessage]>([
    ['nothing', { to }],
    ['to nobody', { to: { kind: 'identity', id: 'Ana' }, text: 'Hello' }],
    ['to a person as if they were a group', { to: { kind: 'conversation', id: friend }, text: 'Hello' }],
    ['a reply to what WASender gave no number', { to, text: 'Hello', replyTo: '3EB0' }],
    ['to a number that is not on WhatsApp', { to: { kind: 'phone', phone: '+33639980000' }, text: 'Hello' }],
  ])('%s is refused, and nothing goes out', async (_what, message) => {
    const { code, effect } = await failureOf(send(message));
    expect([['request_refused', 'not_found'].includes(code), effect]).toEqual([true, 'none']);
    expect(await logged()).toEqual([]);
  });

  it('is told by the limit and its wait', async () => {
    await world.wasender('PUT', `/whatsapp-sessions/${here.providerAccountId}`, { account_protection: true });
    await send({ to, text: 'One' });
    const failure = await failureOf(send({ to, text: 'Two' }));
    expect(failure).toMatchObject({ code: 'rate_limited', effect: 'none' });
    expect(failure.retryAfterMs).toBeGreaterThan(0);
  });

  it('is a lost login while the phone is away, and unknown when the answer is an error of the server', async () => {
    await world.control('PUT', '/faults', { provider: 'wasender', rate_500: 1 });
    expect(await failureOf(send({ to, text: 'One' }))).toMatchObject({
      code: 'provider_unavailable',
      effect: 'unknown',
    });
    await world.control('PUT', '/faults', { provider: 'wasender' });
    await world.control('POST', '/drop', { session: here.providerAccountId, status: 'logged_out' });
    expect((await failureOf(send({ to, text: 'Two' }))).code).toBe('login_lost');
  });
});
