import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenAttachment } from '../../domain/seen-messages.ts';
import { findMedia } from '../../db/queries/media/media.ts';
import { removeUnused } from '../../services/media/remove-media.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import { startFileServer, type FileServer } from '../support/file-server.ts';
import { runSql } from '../support/run-sql.ts';
import type { ApiClient } from '../support/client.ts';
import { Killed, killedAt, startSending, type KillPoint, type Sending } from './sending.ts';

let sending: Sending;
let files: FileServer;
beforeAll(async () => {
  files = await startFileServer();
  sending = await startSending({ parts: { fetchFile: files.fetchFile } });
});
afterAll(async () => {
  await sending?.stop();
  await files?.close();
});
beforeEach(() => {
  const nothing = (): Promise<void> => Promise.resolve();
  const clean = { taken: [], calls: 0, looks: 0, plan: [], keepsList: true, during: nothing, answers: nothing };
  Object.assign(sending.upstream, clean);
  Object.assign(files, { asked: [], answer: serve('a file', 'image/png') });
});

const serve =
  (text: string, type: string): FileServer['answer'] =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': type }).end(text);

type Held = { id: string; tenantId: string };

async function upload(
  text: string,
  type = 'image/png',
  name = 'a.png',
  client: ApiClient = sending.api.client,
): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([text], { type }), name);
  const answer = await fetch(`${client.url}/api/v1/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.key}` },
    body: form,
  });
  const body = (await answer.json()) as { id: string };
  if (answer.status !== 201) throw new Error(JSON.stringify(body));
  return body.id;
}

/** A message with files and, unless it is given, without a text. */
const post = (account: Held, attachments: object[], more: object = {}, headers: Record<string, string> = {}) =>
  sending.api.client.post(
    '/api/v1/messages',
    { account: account.id, recipients: ['+33639980001'], attachments, ...more },
    headers,
  );

const shown = async (id: string): Promise<any> => (await sending.api.client.get(`/api/v1/messages/${id}`)).body;
const rowsOf = ({ id }: Held): Promise<any[]> =>
  sending.context.db.system((em) => runSql<any>(em, 'select id from messages where account_id = ?', [id]));

/** Lets workers drain the queue, time going on, until nothing moves any more without a person. */
async function drainAll(account: Held, context = sending.context): Promise<void> {
  for (let n = 0; n < 100; n += 1) {
    const { waitMs, more } = await sending.drain(account, context);
    if (waitMs === null && !more) return;
    if (waitMs !== null) sending.api.clock.advance(waitMs);
  }
  throw new Error('The queue does not come to an end.');
}

const fileOf = (size: number, more: Partial<SeenAttachment> = {}): SeenAttachment => ({
  key: 'imageMessage',
  kind: 'image',
  mimeType: 'image/png',
  size,
  fileName: null,
  duration: null,
  width: 40,
  height: 40,
  voice: false,
  unavailable: false,
  url: null,
  urlExpiresAt: null,
  source: { message: { imageMessage: { mediaKey: 'k' } } },
  ...more,
});

/** What a webhook tells of a message of the account's own. */
const echo = async ({ id: accountId, tenantId }: Held, key: string, attachments: SeenAttachment[]): Promise<void> => {
  const { context } = sending;
  const now = context.clock.now();
  const keys = ['33639980001@s.whatsapp.net'];
  await context.db.system((em) =>
    applyFacts(
      em,
      context.vault,
      [
        {
          accountId,
          tenantId,
          teller: 'webhook',
          isLive: true,
          receivedAt: now.getTime(),
          told: {
            kind: 'message',
            message: {
              keys: [key],
              conversationKeys: keys,
              direction: 'out',
              sender: null,
              text: null,
              sentAt: now.getTime(),
              status: 'delivered',
              deleted: false,
              quotedKey: null,
              attachments,
              reactions: [],
            },
            conversation: { keys },
          },
        },
      ],
      now,
    ),
  );
};

describe('C4, C9: a message with files', () => {
  it('shows them at once, and its provider gets them by the name and type that they were uploaded with', async () => {
    const account = await sending.account();
    const [image, menu] = [await upload('picture'), await upload('%PDF-1.7', 'application/pdf', 'menu.pdf')];
    const sent = await post(account, [{ media_id: image }, { media_id: menu, file_name: 'menu.pdf' }], { text: 'See' });
    expect(sent.status).toBe(202);
    const attachments = [
      { kind: 'image', mime_type: 'image/png', size: 7, file_name: null, unavailable: false },
      { kind: 'document', mime_type: 'application/pdf', size: 8, file_name: 'menu.pdf', unavailable: false },
    ];
    expect(sent.body).toMatchObject({ status: 'queued', text: 'See', attachments });
    await drainAll(account);
    expect(sending.upstream.taken).toMatchObject([
      {
        text: 'See',
        files: [
          { kind: 'image', type: 'image/png', text: 'picture' },
          { kind: 'document', type: 'application/pdf', text: '%PDF-1.7', name: 'menu.pdf' },
        ],
      },
    ]);
    expect(await shown(sent.body.id)).toMatchObject({ status: 'sent', attachments });
  });

  it('is sent many times with one upload', async () => {
    const account = await sending.account();
    const media = await upload('once');
    expect(await upload('once')).toBe(media);
    for (let n = 0; n < 3; n += 1) await post(account, [{ media_id: media }]);
    await drainAll(account);
    expect(sending.upstream.taken.map(({ files: [file] }) => file?.text)).toEqual(['once', 'once', 'once']);
  });

  it('takes a file of another type as a document, unless its kind is named', async () => {
    const account = await sending.account();
    const gif = await upload('GIF89a', 'image/gif');
    expect((await post(account, [{ media_id: gif }])).body.attachments).toMatchObject([{ kind: 'document' }]);
    expect((await post(account, [{ media_id: gif, kind: 'image' }])).status).toBe(422);
    const sound = await upload('sound', 'audio/ogg');
    const voice = await post(account, [{ media_id: sound, is_voice: true }]);
    expect(voice.body.attachments).toMatchObject([{ kind: 'audio', is_voice: true }]);
  });

  it('has a file at an address fetched by us, once, whatever is repeated', async () => {
    const account = await sending.account();
    const files_ = [{ url: `${files.url}/pictures/cat.png` }];
    const [one, two] = await Promise.all([1, 2].map(() => post(account, files_, {}, { 'idempotency-key': 'a-cat' })));
    expect(one?.body.id).toBe(two?.body.id);
    expect(one?.body.attachments).toMatchObject([{ kind: 'image', file_name: 'cat.png', size: 6 }]);
    files.answer = (_request, response) => void response.writeHead(404).end();
    sending.upstream.plan = ['cut'];
    await drainAll(account);
    expect(files.asked).toEqual(['/pictures/cat.png']);
    expect(sending.upstream.taken.map(({ files: [file] }) => file?.text)).toEqual(['a file']);
  });
});

describe('an echo', () => {
  it.each(['before the answer', 'after it'])('that comes %s joins its message, and doubles no file', async (when) => {
    const account = await sending.account();
    const { body } = await post(account, [{ media_id: await upload('picture') }]);
    const tell = (key: string): Promise<void> => echo(account, key, [fileOf(7)]);
    if (when === 'before the answer') sending.upstream.answers = tell;
    await drainAll(account);
    await tell(sending.upstream.taken[0]!.id);
    expect(await rowsOf(account)).toEqual([{ id: body.id }]);
    const { attachments, status } = await shown(body.id);
    expect([status, attachments]).toEqual(['delivered', [expect.objectContaining({ size: 7, width: null })]]);
  });

  it('of the same file tells that a message was sent whose answer was lost', async () => {
    const account = await sending.account();
    sending.upstream.keepsList = false;
    sending.upstream.plan = ['lost'];
    const { body } = await post(account, [{ media_id: await upload('picture') }]);
    await sending.drain(account);
    await echo(account, sending.upstream.taken[0]!.id, [fileOf(7)]);
    await drainAll(account);
    expect(await shown(body.id)).toMatchObject({ status: 'delivered', attachments: [{ size: 7 }] });
    expect(sending.upstream.calls).toBe(1);
  });

  it('of another file, sent from the phone meanwhile, proves nothing', async () => {
    const account = await sending.account();
    sending.upstream.plan = ['cut'];
    const { body } = await post(account, [{ media_id: await upload('picture') }]);
    await sending.drain(account);
    await echo(account, 'from the phone', [fileOf(5_000)]);
    await drainAll(account);
    expect(sending.upstream.taken).toHaveLength(1);
    expect(await shown(body.id)).toMatchObject({ status: 'sent' });
    expect(await rowsOf(account)).toHaveLength(2);
  });
});

it.each<KillPoint>(['begin', 'mark', 'call', 'answer', 'commit'])(
  'killed at "%s", files are sent once, in order',
  async (point) => {
    const account = await sending.account();
    const names = ['one', 'two', 'three', 'four'];
    for (const name of names)
      await post(account, [{ media_id: await upload(`file ${name}${'!'.repeat(names.indexOf(name))}`) }]);
    for (let kills = 0; ; kills += 1) {
      const worker = killedAt(sending, point, 2);
      sending.upstream.during = worker.atCall;
      try {
        await drainAll(account, worker.context);
        expect(kills).toBeGreaterThan(0);
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        sending.api.clock.advance(61_000);
      }
    }
    const sent = sending.upstream.taken.map(({ files: [file] }) => file?.text.replaceAll('!', ''));
    expect(sent).toEqual(names.map((name) => `file ${name}`));
  },
);

it('is sent again with its files when a person says so, and keeps them when it is taken back', async () => {
  const account = await sending.account();
  sending.upstream.keepsList = false;
  sending.upstream.plan = ['cut'];
  const { body } = await post(account, [{ media_id: await upload('picture') }]);
  await drainAll(account);
  expect(await shown(body.id)).toMatchObject({ status: 'unclear' });
  expect((await sending.api.client.post(`/api/v1/messages/${body.id}/retry`)).status).toBe(202);
  await drainAll(account);
  expect(sending.upstream.taken.map(({ files: [file] }) => file?.text)).toEqual(['picture']);
  const at = new Date(sending.context.clock.now().getTime() + 3_600_000).toISOString();
  const later = await post(account, [{ media_id: await upload('picture') }], { send_at: at });
  const { body: cancelled } = await sending.api.client.post(`/api/v1/messages/${later.body.id}/cancel`);
  expect(cancelled).toMatchObject({ status: 'failed', send: { state: 'cancelled' }, attachments: [{ size: 7 }] });
});

it('fails with its reason where a file is no longer stored, or is refused', async () => {
  const account = await sending.account();
  const { body: gone } = await post(account, [{ media_id: await upload('is removed') }]);
  const [{ hash }] = await sending.context.db.system((em) =>
    runSql<any>(em, 'select m.hash from media m join attachments a on a.media_id = m.id where a.message_id = ?', [
      gone.id,
    ]),
  );
  await sending.context.blobs.remove({ tenantId: account.tenantId, hash });
  await drainAll(account);
  expect(await shown(gone.id)).toMatchObject({ status: 'failed', send: { reason: 'request_refused' } });
  expect(sending.upstream.calls).toBe(0);
  sending.upstream.plan = [new ProviderFailure('request_refused', 'No such pictures.')];
  const { body: refused } = await post(account, [{ media_id: await upload('picture') }]);
  await drainAll(account);
  expect(await shown(refused.id)).toMatchObject({ status: 'failed', send: { detail: 'No such pictures.' } });
});

describe('bad input is one clear problem, and nothing is written', () => {
  let account: Held;
  let media: string;
  beforeAll(async () => {
    account = await sending.account();
    media = await upload('picture');
  });

  async function refused(attachments: object[], why: RegExp, more: object = {}): Promise<void> {
    const answer = await post(account, attachments, more);
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
    expect(answer.body.detail).toMatch(why);
    expect(await rowsOf(account)).toEqual([]);
  }

  it.each([
    ['no text and no file', [], /needs a text or an attachment/],
    ['too many', Array.from({ length: 3 }, () => ({ url: 'http://files.example.com/a' })), /at most 2 attachments/],
    [
      'a kind that the channel lacks',
      [{ url: 'http://files.example.com/a', kind: 'sticker' }],
      /kind sticker cannot be sent/,
    ],
    [
      'an unknown file',
      [{ media_id: '01900000-0000-7000-8000-000000000000' }],
      /attachments\.0\.media_id: names no file/,
    ],
    ['what is no id', [{ media_id: 'a.png' }], /attachments\.0\.media_id: names no file/],
    ['an address inside', [{ url: 'http://127.0.0.1/a' }], /attachments\.0\.url: No file came from the address/],
    ['an address inside, of another form', [{ url: 'http://[::ffff:10.0.0.1]/a' }], /No file came/],
    ['an address of no host', [{ url: 'http://' }], /attachments/],
  ])('%s', async (_, attachments, why) => {
    await refused(attachments, why);
    expect(files.asked).toEqual([]);
  });

  it('an uploaded file and an address at once, or an unknown field', async () => {
    for (const one of [{ media_id: media, url: 'http://files.example.com/a' }, { media_id: media, colour: 'red' }, {}])
      expect((await post(account, [one])).status).toBe(422);
    expect(await rowsOf(account)).toEqual([]);
  });

  it('a file of another tenant', async () => {
    const theirs = await upload('theirs', 'image/png', 'a.png', await sending.api.clientOf('theirs'));
    await refused([{ media_id: theirs }], /names no file that is stored/);
  });

  it('a file that is too large, of a type that is refused, or takes no text', async () => {
    const large = await upload('x'.repeat(1_000_001));
    await refused([{ media_id: large, kind: 'image' }], /1000001 bytes; at most 1000000/);
    await refused([{ media_id: await upload('x'.repeat(2_000_001)) }], /2000001 bytes; at most 2000000/);
    await refused(
      [{ media_id: await upload('a', 'image/svg+xml'), kind: 'image' }],
      /type image\/svg\+xml cannot be sent/,
    );
    await refused([{ media_id: await upload('s', 'audio/ogg') }], /No text goes with/, { text: 'Hello' });
  });

  it('an address that has expired, is too large, or breaks off', async () => {
    files.answer = (_request, response) => void response.writeHead(410).end();
    await refused([{ url: `${files.url}/a` }], /attachments\.0\.url: The address answered 410/);
    files.answer = (_request, response) => response.writeHead(200, { 'content-length': 2_000_001 }).flushHeaders();
    await refused([{ url: `${files.url}/a` }], /larger than 2000000 bytes/);
    files.answer = serve('x'.repeat(1_000_001), 'image/png');
    await refused([{ url: `${files.url}/a`, kind: 'image' }], /larger than 1000000 bytes/);
    files.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 20);
    };
    await refused([{ url: `${files.url}/a` }], /The file broke off/);
  });

  it('a channel without messages', async () => {
    const [row] = await sending.context.db.system((em) =>
      runSql<any>(em, "update accounts set channel = 'mail' where id = ? returning id", [account.id]),
    );
    const answer = await post(account, [{ media_id: media }]);
    expect([answer.status, answer.body.code]).toEqual([422, 'unsupported']);
    await sending.context.db.system((em) =>
      runSql(em, "update accounts set channel = 'whatsapp' where id = ?", [row.id]),
    );
  });
});

it('an uploaded file goes with the last message that has it, and not with the first', async () => {
  const account = await sending.account();
  const media_id = await upload('shared by two');
  const removed = async (): Promise<boolean> => {
    await removeUnused(sending.context, sending.context.clock.now(), () => false);
    return sending.context.db.system(async (em) => (await findMedia(em, media_id)) === null);
  };
  const ids = [];
  for (const _ of [1, 2]) ids.push((await post(account, [{ media_id }])).body.id);
  for (const [n, id] of ids.entries()) {
    expect(await removed()).toBe(false);
    await sending.context.db.system((em) => runSql(em, 'delete from attachments where message_id = ?', [id]));
    expect(await removed()).toBe(n === 1);
  }
});
