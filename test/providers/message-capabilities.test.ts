import { whyUnsendable, type MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { Channel } from '../../domain/channels.ts';
import { providers } from '../../providers/providers.ts';

const told: [string, Channel, MessageCapabilities][] = Object.values(providers).flatMap(({ title, messages }) =>
  Object.entries(messages?.capabilities ?? {}).map(([channel, one]): [string, Channel, MessageCapabilities] => [
    title,
    channel as Channel,
    one,
  ]),
);

it.each(told)('%s on %s has the verbs that its capabilities tell of', (title, channel, capabilities) => {
  const provider = Object.values(providers).find((one) => one.title === title)!;
  const { messages } = provider;
  expect(provider.capabilities.channels).toHaveProperty(channel);
  for (const verb of ['edit', 'remove', 'react', 'markRead'] as const)
    expect([verb, messages?.[verb] !== undefined]).toEqual([verb, Boolean(capabilities[verb])]);
  expect(messages?.typing !== undefined).toBe(capabilities.typing === 'alone');
  expect(capabilities.captionLimit).toBeLessThanOrEqual(capabilities.textLimit);
  expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
});

describe('a message', () => {
  const [, , whatsapp] = told.find(([title, channel]) => title === 'WASender' && channel === 'whatsapp')!;
  const file = { kind: 'document', size: 10, mimeType: null } as const;

  it.each<[string, Parameters<typeof whyUnsendable>[1], string | null]>([
    ['of a text', { text: 'Hi', attachments: [], isReply: true }, null],
    [
      'of a file of unknown type and size',
      { text: null, attachments: [{ ...file, size: null }], isReply: false },
      null,
    ],
    [
      'of a type with parameters',
      {
        text: null,
        attachments: [{ ...file, kind: 'image', mimeType: 'IMAGE/PNG; name=a' }],
        isReply: false,
      },
      null,
    ],
    [
      'of 70,000 characters',
      { text: 'a'.repeat(70_000), attachments: [], isReply: false },
      'The text has 70000 characters; at most 65536 can be sent.',
    ],
    [
      'of a large file',
      { text: null, attachments: [{ ...file, size: 200 * 1024 * 1024 }], isReply: false },
      'The attachment has 209715200 bytes; at most 104857600 can be sent as document.',
    ],
  ])('%s is judged before it is sent', (_, outline, why) => {
    expect(whyUnsendable(whatsapp, outline)).toBe(why);
  });

  it('that answers another one needs a channel with answers', () => {
    const answer = { text: 'Hi', attachments: [], isReply: true };
    expect(whyUnsendable({ ...whatsapp, reply: false }, answer)).toMatch(/answered/);
  });
});
