import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import type { Providers } from '../../providers/provider.ts';
import { meta } from '../../providers/meta/index.ts';
import { installedProviders } from '../../services/boot.ts';
import { eventually } from '../support/eventually.ts';
import { ofNumber, ofPage } from '../providers/meta/events.ts';
import { activate, connect, startTestApi, unique, type TestApi } from './support.ts';

const secret = 'sandbox-app-secret';
/** What the provider says of a person, and how often it was asked. */
let profiles: (keys: readonly string[]) => Promise<SeenPerson | null>;
let asked: string[] = [];
const timesAsked = (person: string): number => asked.filter((key) => key === person).length;

let api: TestApi;
beforeAll(async () => {
  const providers: Providers = {
    ...installedProviders,
    meta: {
      ...meta,
      conversations: {
        ...meta.conversations,
        profile: (_call, keys) => {
          asked.push(keys[0] ?? '');
          return profiles(keys);
        },
      },
    },
  };
  api = await startTestApi({}, { providers });
});
afterAll(() => api?.stop());
beforeEach(() => {
  asked = [];
  profiles = () => Promise.resolve(null);
});

async function newAccount(channel: 'messenger' | 'whatsapp'): Promise<{ id: string; upstream: string }> {
  const method = channel === 'messenger' ? 'oauth' : 'token';
  const { account } = await connect(api.client, { provider: 'meta', channel, owner: 'maya', method });
  const upstream = unique();
  await activate(api, account.id, upstream);
  return { id: account.id, upstream };
}

async function post(body: object): Promise<{ received: number }> {
  const raw = JSON.stringify(body);
  const signature = meta.webhooks.signature.sign(Buffer.from(raw), secret);
  const response = await fetch(`${api.url}/api/webhooks/messenger/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
    body: raw,
  });
  expect(response.status).toBe(200);
  return response.json() as Promise<{ received: number }>;
}

const at = Date.now() - 60_000;
const toPage = (page: string, ...items: unknown[]): object => ({
  object: 'page',
  entry: [{ id: page, time: at, messaging: items }],
});
const of = (page: string, person: string, more: object, timestamp = at): object => ({
  sender: { id: person },
  recipient: { id: page },
  timestamp,
  ...more,
});
const echo = (page: string, person: string, mid: string, timestamp = at): object => ({
  sender: { id: page },
  recipient: { id: person },
  timestamp,
  message: { mid, is_echo: true, text: mid },
});
const get = async (path: string): Promise<any> => (await api.client.get(`/api/v1${path}`)).body;
const messagesOf = async (account: string): Promise<any[]> => (await get(`/messages?account=${account}`)).items;
const ana = (keys: readonly string[]): SeenPerson => ({
  keys,
  name: 'Ana Q',
  phone: null,
  isSelf: false,
  pictureUrl: 'https://scontent.xx.fbcdn.net/ana.png',
  pictureSource: { person: keys[0] },
});

describe('a batch', () => {
  it('of which one item cannot be read has the others, each with its own state, also when it is replayed', async () => {
    const { id, upstream } = await newAccount('messenger');
    const mids = [1, 2, 3].map((n) => `m_${unique()}_${n}`);
    const [first, ...more] = mids.map((mid) => of(upstream, '5551', { message: { mid, text: mid } }));
    const body = toPage(upstream, first, 'not readable', ...more);
    expect(await post(body)).toEqual({ received: 4 });
    expect(await post(body)).toEqual({ received: 4 });
    expect(new Set((await messagesOf(id)).map(({ text }) => text))).toEqual(new Set(mids));
    const events = await api.context.db.system((em) =>
      em.find(WebhookEvent, { accountId: id }, { orderBy: { position: 'asc' } }),
    );
    expect(events.map(({ kind, state, deliveries }) => [kind, state, deliveries])).toEqual([
      ['message', 'processed', 2],
      ['unreadable', 'failed', 2],
      ['message', 'processed', 2],
      ['message', 'processed', 2],
    ]);
    const odd = events[1]!;
    expect(odd.error).toMatch(/not one of this provider's events/);
    expect((await api.client.post(`/api/v1/webhook-events/${odd.id}/replay`)).status).toBeLessThan(300);
    const after = await api.context.db.system((em) => em.findOneOrFail(WebhookEvent, { id: odd.id }));
    expect([after.state, after.error]).toEqual([odd.state, odd.error]);
    expect(await messagesOf(id)).toHaveLength(3);
  });

  it('of a number has its messages and statuses, with errors and prices', async () => {
    const { id, upstream } = await newAccount('whatsapp');
    const metadata = { display_phone_number: '27110000000', phone_number_id: upstream };
    const timestamp = String(Math.floor(at / 1000));
    const value = {
      metadata,
      contacts: [{ profile: { name: 'Zanele' }, wa_id: '27820000001', user_id: 'ZA.70000000000000001' }],
      messages: [{ from: '27820000001', id: 'wamid.in', timestamp, type: 'text', text: { body: 'Sawubona' } }],
    };
    const message_echoes = [{ id: 'wamid.out', to: '27820000001', timestamp, type: 'text', text: { body: 'Yebo' } }];
    await post(ofNumber({ metadata, message_echoes }, 'smb_message_echoes'));
    await post(ofNumber(value));
    const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' };
    const failed = { id: 'wamid.out', status: 'failed', timestamp, errors: [{ code: 131_026 }], pricing };
    await post(ofNumber({ metadata, statuses: [failed] }));
    const [out, incoming] = (await messagesOf(id)).toSorted((a, b) => (a.text > b.text ? -1 : 1));
    expect(incoming).toMatchObject({ text: 'Sawubona', direction: 'in', sender: { name: 'Zanele' } });
    expect(out).toMatchObject({
      text: 'Yebo',
      status: 'failed',
      failure: { reason: 'recipient_unreachable' },
      pricing: { billable: true, model: 'PMP', category: 'service' },
    });
    expect(out.conversation).toBe(incoming.conversation);
  });
});

describe('what a provider signs', () => {
  it('is certain: what was unsent is gone', async () => {
    const { id, upstream } = await newAccount('messenger');
    await post(toPage(upstream, of(upstream, '5552', { message: { mid: 'm_secret', text: 'A secret' } })));
    await post(toPage(upstream, of(upstream, '5552', { message: { mid: 'm_secret', is_deleted: true } })));
    const [message] = await messagesOf(id);
    expect(message).toMatchObject({ text: null, deleted_at: expect.any(String) });
  });

  it('reads all that was sent up to a time, and opens the window', async () => {
    const { id, upstream } = await newAccount('messenger');
    const items = [1, 2, 3].map((n) => echo(upstream, '5553', `m_${upstream}_${n}`, at + n * 1_000));
    await post(toPage(upstream, ...items));
    await post(toPage(upstream, of(upstream, '5553', { delivery: { watermark: at + 2_000 } })));
    await post(toPage(upstream, of(upstream, '5553', { read: { watermark: at + 1_000 } })));
    const statuses = (await messagesOf(id)).map(({ text, status }) => `${text.at(-1)} ${status}`);
    expect(statuses).toEqual(['3 sent', '2 delivered', '1 read']);
    const [conversation] = (await get(`/conversations?account=${id}`)).items;
    expect(conversation.window).toEqual({ is_open: null, open_until: null });
    const postback = { mid: 'm_start', title: 'Start', payload: 'GO' };
    await post(toPage(upstream, of(upstream, '5553', { postback }, at + 10_000)));
    const [after] = (await get(`/conversations?account=${id}`)).items;
    expect(after).toMatchObject({ window: { is_open: true }, last_message: { text: 'Start' } });
    expect((await messagesOf(id)).find(({ text }) => text === 'Start').context).toEqual({ payload: 'GO' });
  });
});

describe('people who write without a name', () => {
  it('are looked up once', async () => {
    profiles = (keys) => Promise.resolve(ana(keys));
    const { id, upstream } = await newAccount('messenger');
    await post(toPage(upstream, of(upstream, '5554', { message: { mid: `m_${upstream}`, text: 'Hi' } })));
    const named = await eventually('the name', async () => {
      const [conversation] = (await get(`/conversations?account=${id}`)).items;
      return conversation?.name === 'Ana Q' && conversation;
    });
    expect(named.picture_url).toEqual(expect.any(String));
    await post(toPage(upstream, of(upstream, '5554', { message: { mid: `m_${upstream}_2`, text: 'Again' } })));
    expect(timesAsked('5554')).toBe(1);
  });

  it('are looked up later where the provider cannot be asked, and others meanwhile', async () => {
    const failures = [
      new ProviderFailure('rate_limited', 'A pause.'),
      new ProviderFailure('provider_unavailable', 'No.'),
    ];
    profiles = (keys) => {
      const failure = keys[0] === '5555' ? failures.shift() : undefined;
      return failure ? Promise.reject(failure) : Promise.resolve(ana(keys));
    };
    const [one, two] = [await newAccount('messenger'), await newAccount('messenger')];
    await post({
      object: 'page',
      entry: [one, two].map(({ upstream }, n) => ({
        id: upstream,
        messaging: [of(upstream, `555${5 + n}`, { message: { mid: `m_${upstream}`, text: 'Hi' } })],
      })),
    });
    for (const { id } of [two, one])
      await eventually('the name', async () => (await get(`/conversations?account=${id}`)).items[0]?.name === 'Ana Q');
    expect([timesAsked('5555'), timesAsked('5556')]).toEqual([3, 1]);
  });

  it('of whom nothing is shown are not asked for again, nor whose profile is refused', async () => {
    const { id, upstream } = await newAccount('messenger');
    profiles = (keys) =>
      keys[0] === '5557' ? Promise.resolve(null) : Promise.reject(new ProviderFailure('request_refused', 'No.'));
    const items = ['5557', '5558'].map((person, n) =>
      of(upstream, person, { message: { mid: `m_${upstream}_${n}`, text: 'Hi' } }),
    );
    await post(toPage(upstream, ...items));
    await eventually('the look-up', () => Promise.resolve(timesAsked('5557') + timesAsked('5558') >= 2));
    await post(toPage(upstream, of(upstream, '5557', { message: { mid: `m_${upstream}_9`, text: 'Hi' } })));
    await eventually('the message', async () => (await messagesOf(id)).length === 3);
    expect([timesAsked('5557'), timesAsked('5558')]).toEqual([1, 1]);
  });
});

it('an event of another app’s envelope has no effect', async () => {
  expect(await post(ofPage({ something: 'else' }))).toEqual({ received: 1 });
});
