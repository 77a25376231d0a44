import type { OutgoingMessage, ProviderCall, SentMessage } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/wasender.ts';
import { startWasender, type WasenderWorld } from '../../sandbox/wasender-world.ts';
import { failureOf } from '../unipile/peer.ts';
import { linkedCall } from './calls.ts';

let world: WasenderWorld;
let here: ProviderCall;
beforeAll(async () => {
  world = await startWasender();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  here = await linkedCall(world);
});
afterAll(() => world?.close());

const send = (message: OutgoingMessage, call = here) => wasender.send?.(call, message) as Promise<SentMessage>;
const friend = '+33639989777';

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
    ['a text', { to: friend, text: 'Hello 👋' }, { text: 'Hello 👋' }],
    [
      'an image with its caption',
      { to: friend, text: 'See', attachment: { kind: 'image', url } },
      { text: 'See', imageUrl: url },
    ],
    ['a video', { to: friend, attachment: { kind: 'video', url } }, { videoUrl: url }],
    [
      'a file',
      { to: friend, attachment: { kind: 'document', url, fileName: 'a.pdf' } },
      { documentUrl: url, fileName: 'a.pdf' },
    ],
    ['a voice note', { to: friend, attachment: { kind: 'audio', url } }, { audioUrl: url }],
    ['a sticker', { to: friend, attachment: { kind: 'sticker', url } }, { stickerUrl: url }],
  ];
  it.each(kinds)('is handed over as %s, and its id is told', async (_what, message, content) => {
    const { providerMessageId } = await send(message);
    expect(providerMessageId).toMatch(/^\d+$/);
    expect((await logged())[0]).toMatchObject({ to: friend, content });
  });

  it.each(['33639989777', '33639989777@s.whatsapp.net', '33639989777:12@s.whatsapp.net', '33639989777@c.us'])(
    'reaches %s by the number',
    async (to) => {
      await send({ to, text: 'Hello' });
      expect((await logged())[0]?.to).toBe(friend);
    },
  );

  it('answers another one', async () => {
    const { providerMessageId } = await send({ to: friend, text: 'One' });
    await send({ to: friend, text: 'Two', replyTo: providerMessageId ?? '' });
    expect((await logged())[0]?.content.replyTo).toBe(Number(providerMessageId));
  });

  it('has no id where WASender tells none', async () => {
    await world.variant('send_answer', 'message');
    expect(await send({ to: friend, text: 'Hello' })).toEqual({ providerMessageId: null });
  });
});

describe('what cannot be sent', () => {
  it.each<[string, OutgoingMessage]>([
    ['nothing', { to: friend }],
    ['to nobody', { to: 'Ana', text: 'Hello' }],
    ['a reply to what WASender gave no number', { to: friend, text: 'Hello', replyTo: '3EB0' }],
    ['to a number that is not on WhatsApp', { to: '+33639980000', text: 'Hello' }],
  ])('%s is refused, and nothing goes out', async (_what, message) => {
    const { code, effect } = await failureOf(send(message));
    expect([['request_refused', 'not_found'].includes(code), effect]).toEqual([true, 'none']);
    expect(await logged()).toEqual([]);
  });

  it('is told by the limit and its wait', async () => {
    await world.wasender('PUT', `/whatsapp-sessions/${here.providerAccountId}`, { account_protection: true });
    await send({ to: friend, text: 'One' });
    const failure = await failureOf(send({ to: friend, text: 'Two' }));
    expect(failure).toMatchObject({ code: 'rate_limited', effect: 'none' });
    expect(failure.retryAfterMs).toBeGreaterThan(0);
  });

  it('is a lost login while the phone is away, and unknown when the answer is an error of the server', async () => {
    await world.control('PUT', '/faults', { provider: 'wasender', rate_500: 1 });
    expect(await failureOf(send({ to: friend, text: 'One' }))).toMatchObject({
      code: 'provider_unavailable',
      effect: 'unknown',
    });
    await world.control('PUT', '/faults', { provider: 'wasender' });
    await world.control('POST', '/drop', { session: here.providerAccountId, status: 'logged_out' });
    expect((await failureOf(send({ to: friend, text: 'Two' }))).code).toBe('login_lost');
  });
});
