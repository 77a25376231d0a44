import type { Router } from 'express';
import { createApp } from '../../api/app.ts';
import { createMessageDrain } from '../../services/webhooks/message-drain.ts';
import { createSignaller } from '../../services/webhooks/signaller.ts';
import { eventTypes } from '../../domain/events.ts';
import { stepKinds } from '../../domain/steps.ts';
import type { ApiClient } from '../support/client.ts';
import { rightAsk, send } from './ask.ts';
import { oneOfEach, postWebhook, type Ids } from './fixture.ts';
import { lose } from '../reminders/reminding.ts';
import { readDocument, type Document, type Operation } from './openapi.ts';
import { activate, connect, linkedin, placeStep, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
let document: Document;
let ids: Ids;
beforeAll(async () => {
  api = await startTestApi();
  document = await readDocument(api);
  ids = await oneOfEach(api, api.client);
});
afterAll(() => api?.stop());

/** For browsers and tools of ours, not for callers. */
const undescribed =
  /^(GET \/openapi\.json|GET \/docs(\/.*)?|POST \/codec\/\{token\}\/decode|GET \/callbacks\/(?!\{provider\}\/data-deletion).*|GET \/api\/platforms\/callback|POST \/callbacks\/.*\/failure)$/;

it('describes every route that the application has, the documented paths too, and no others', () => {
  const app = createApp(api.context, createSignaller(api.context), createMessageDrain(api.context));
  const mounted = (app.router as unknown as Router).stack.flatMap(({ route }) =>
    route
      ? Object.keys((route as unknown as { methods: object }).methods).map(
          (method) => `${method.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}`,
        )
      : [],
  );
  // The signed address of a picture is at the path of the route for keys.
  const routes = [...new Set(mounted)];
  const described = document.operations.map(({ method, path }) => `${method} ${path.replace(/(.)\/$/, '$1')}`);
  expect(routes.filter((one) => !undescribed.test(one)).sort()).toEqual(described.sort());
  expect(routes.some((one) => undescribed.test(one))).toBe(true);
});

it('gives every operation an id of its own, a summary, and the shape of failures', async () => {
  const raw: any = await (await fetch(`${api.url}/openapi.json`)).json();
  expect(raw.openapi).toBe('3.1.0');
  const operations = Object.values<object>(raw.paths).flatMap((methods) => Object.values<any>(methods));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { summary, operationId, responses } of operations) {
    expect([operationId, summary?.length > 5]).toEqual([operationId, true]);
    expect(responses.default.content).toHaveProperty(['application/problem+json']);
  }
});

describe('the document', () => {
  let raw: any;
  beforeAll(async () => {
    raw = await (await fetch(`${api.url}/openapi.json`)).json();
  });

  const operationsOf = (): { path: string; name: string; one: any }[] =>
    Object.entries<Record<string, any>>(raw.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]) => ({ path, name: `${method.toUpperCase()} ${path}`, one })),
    );

  it('begins with what a reader must know, and ends with the paths of other systems', () => {
    for (const word of ['## Authentication', '## Errors', '## Lists', '## Repeats', 'wait=25', '| `redirect` |'])
      expect(raw.info.description).toContain(word);
    const tagged = operationsOf().map(({ one }) => one.tags[0] as string);
    expect(tagged.indexOf('Compatibility')).toBeGreaterThan(tagged.indexOf('health'));
    expect(new Set(tagged.slice(tagged.indexOf('Compatibility')))).toEqual(new Set(['Compatibility']));
    expect(raw.tags.at(-1).name).toBe('Compatibility');
    expect(tagged.filter((tag) => !raw.tags.some(({ name }: { name: string }) => name === tag))).toEqual([]);
  });

  it('has an example of every body and every answer, which its own schemas take', () => {
    const wrong: string[] = [];
    for (const { name, one } of operationsOf()) {
      const operation = document.operations.find((known) => known.name === name)!;
      const media = one.requestBody?.content['application/json'];
      if (one.requestBody && !operation.takesFile && media?.example === undefined)
        wrong.push(`${name}: the body has no example`);
      const asked = media && document.wrongWithBody(operation, media.example);
      if (asked) wrong.push(asked);
      for (const [status, { content }] of Object.entries<any>(one.responses))
        for (const [type, { example }] of Object.entries<any>(content ?? {})) {
          if (!/[/+]json$/.test(type)) continue;
          const found =
            example === undefined ? `${name} ${status}: no example` : document.wrongWith(operation, status, example);
          if (found) wrong.push(found);
        }
    }
    expect(wrong).toEqual([]);
  });

  it('names a webhook for each type of event, with an example that its schema takes', () => {
    expect(Object.keys(raw.webhooks)).toEqual([...eventTypes, 'batch']);
    const wrong = Object.entries<any>(raw.webhooks).map(([type, { post }]) => {
      const { schema, example } = post.requestBody.content['application/json'];
      expect([post.operationId, post.security]).toEqual([expect.stringMatching(/^on[A-Z][A-Za-z]+$/), []]);
      expect(example).toMatchObject(
        type === 'batch' ? { type, data: { events: expect.any(Array) } } : { type, data: { type } },
      );
      return document.wrongWithBody({ name: type, body: schema } as Operation, example);
    });
    expect(wrong.filter(Boolean)).toEqual([]);
  });

  it('tells events apart by their type, each with an example', () => {
    const { schemas } = raw.components;
    expect(schemas.Event.discriminator.propertyName).toBe('type');
    expect(Object.keys(schemas.Event.discriminator.mapping)).toEqual(eventTypes);
    for (const [type, name] of Object.entries<string>(schemas.Event.discriminator.mapping))
      expect(schemas[name.split('/').at(-1)!].examples).toEqual([expect.objectContaining({ type })]);
  });

  it('can be tried out: the example of connecting an account connects one', async () => {
    const { example } = raw.paths['/api/v1/accounts'].post.requestBody.content['application/json'];
    expect((await api.client.post('/api/v1/accounts', example)).status).toBe(202);
  });

  it('says which bodies are required, and that fields that are not known are refused', () => {
    const bodyOf = (path: string, method: string) => raw.paths[path][method].requestBody;
    expect(bodyOf('/api/v1/accounts', 'post').required).toBe(true);
    expect(bodyOf('/api/v1/accounts/{id}', 'patch').required).toBe(false);
    expect(bodyOf('/api/v1/accounts', 'post').content['application/json'].schema.additionalProperties).toBe(false);
  });

  it('tells steps apart by their kind, and lists reasons and codes', () => {
    const { schemas } = raw.components;
    expect(schemas.Step.discriminator.propertyName).toBe('kind');
    expect(Object.keys(schemas.Step.discriminator.mapping)).toEqual([...stepKinds]);
    expect(JSON.stringify(schemas.Account.properties.reason)).toContain('"provider_key_rejected"');
    expect(schemas.Problem.properties.code.enum).toEqual(expect.arrayContaining(['stale_step', 'unsupported_type']));
  });

  it('names its operations as methods are named', () => {
    const own = operationsOf().filter(({ one }) => one.tags[0] !== 'Compatibility');
    for (const { one } of own) expect(one.operationId).toMatch(/^[a-z][A-Za-z0-9]{3,40}$/);
    expect(own.map(({ one }) => one.operationId)).toEqual(
      expect.arrayContaining(['connectAccount', 'listAccounts', 'answerStep', 'reconnectAccount', 'startSync']),
    );
  });
});

it('says in which types the lists that can be had as CSV answer', async () => {
  const { paths }: any = await (await fetch(`${api.url}/openapi.json`)).json();
  for (const path of ['/api/v1/analytics/daily', '/api/v1/audit/export']) {
    const { headers } = await api.client.get(`${path}?format=csv`);
    const [type = ''] = headers.get('content-type')?.split(';') ?? [];
    expect(type).toBe('text/csv');
    expect(Object.keys(paths[path].get.responses['200'].content)).toContain(type);
  }
});

it('names in Location where what is under way can be read', async () => {
  const made = await api.client.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'maya' });
  const address = made.headers.get('location') ?? '';
  expect(address).toBe(`/api/v1/accounts/${made.body.account.id}/attempt`);
  expect((await api.client.get(address)).body.id).toBe(made.body.attempt.id);
  await activate(api, made.body.account.id, unique());
  const sync = await api.client.post(`/api/v1/accounts/${made.body.account.id}/syncs`, { kind: 'details' });
  expect([sync.status, sync.headers.get('location')]).toEqual([202, `/api/v1/syncs/${sync.body.id}`]);
  expect((await api.client.get(sync.headers.get('location') ?? '')).body.id).toBe(sync.body.id);
  const erasure = await api.client.post('/api/v1/erasures', { phone: '+33639980911' });
  expect(erasure.headers.get('location')).toBe(`/api/v1/erasures/${erasure.body.id}`);
});

it('lists providers with what each login takes; their webhook addresses are for admins', async () => {
  const own = await api.clientOf('with credentials of its own');
  await own.put('/api/v1/providers/unipile', { dsn: 'http://127.0.0.1:1', access_token: 'text' });
  const { items } = (await own.get('/api/v1/providers')).body;
  expect(items.map(({ provider }: { provider: string }) => provider)).toEqual(['unipile', 'wasender', 'meta']);
  expect(items[0].webhook_address).toMatch(/^http/);
  const { linkedin: login } = items[0].capabilities.channels;
  expect(login.methods).toContain('credentials');
  expect(JSON.stringify(login.credentials.credentials)).toContain('"password"');
  expect(items[1].capabilities.channels.whatsapp.credentials.qr.properties).toHaveProperty('phone_number');
  expect(items[1].capabilities.channels.whatsapp.messages).toMatchObject({
    attachments_per_message: 1,
    attachments: { image: { max_bytes: 5_242_880, types: ['image/jpeg', 'image/png'], takes_text: true } },
  });
  const reader = await api.clientOf('with credentials of its own', ['read']);
  expect((await reader.get('/api/v1/providers')).body.items[0].webhook_address).toBeNull();
});

/** The answer of an operation to a right request, which must be a success that the document describes. */
async function answered(operation: Operation, client: ApiClient, about: Ids): Promise<string | null> {
  const { status, body } = await send(api.url, operation, rightAsk(operation, about, client.key));
  if (status >= 300) return `${operation.name}: ${status} ${JSON.stringify(body)}`;
  return status === 204 ? null : document.wrongWith(operation, status, body);
}

/** A WebSocket is no answer. These succeed only with workers, and files only where a provider has them; other tests check their answers. */
const wantsWorkers =
  /\/files\/\{name\}$|\/contacts\/sync(\/conversations)?$|\/wasender-contact\/|\/conversation-contacts$|\/picture\/?$|\/content$/;

/** The fixture's channel lacks these; tests of messages check their answers. */
const isLacking = ({ method, path }: Operation): boolean =>
  method !== 'GET' && /\/messages\/\{id\}(\/reactions)?$|\/typing$/.test(path);

it('matches the answer of every operation', async () => {
  const wrong: (string | null)[] = [];
  // Credentials of its own would lead a tenant's webhooks to another address.
  const settled = await api.clientOf('settled');
  for (const operation of document.operations.filter(({ path }) => !/webhooks?(\/|$)|^\/callbacks\//.test(path))) {
    if (wantsWorkers.test(operation.path) || isLacking(operation) || operation.answers['101']) continue;
    // One of each per operation: some operations end their subject.
    const about = operation.method === 'GET' ? ids : await oneOfEach(api, api.client);
    if (operation.path.endsWith('/qr.svg') || operation.path.endsWith('/another-way'))
      about.step = await stepFor(operation, about);
    if (operation.path.endsWith('/pause')) await toConversations(about);
    if (operation.path.endsWith('/bulk-operations/{id}/resume'))
      await api.client.post(`/api/v1/bulk-operations/${about.bulk}/pause`);
    if (operation.path.endsWith('/bulk-operations/{id}/retry')) await failIn(about);
    if (operation.path.endsWith('/snooze')) await lose(api.context, about.account, new Date());
    if (/\/messages\/\{id\}\/(retry|cancel)$/.test(operation.path)) about.message = await sentFor(operation, about);
    wrong.push(await answered(operation, /^PUT .*\/providers\//.test(operation.name) ? settled : api.client, about));
  }
  expect(wrong.filter(Boolean)).toEqual([]);
}, 180_000);

/** A sync of details cannot be paused. */
const toConversations = ({ sync }: Ids): Promise<unknown> =>
  api.context.db.system((em) => em.execute("update sync_runs set kind = 'conversations' where id = ?", [sync]));

/** An account that could not be synced by an operation that runs. */
const failIn = ({ bulk, account }: Ids): Promise<unknown> =>
  api.context.db.system((em) =>
    em.execute(
      `with running as (update bulk_operations set state = 'running' where id = ?)
       insert into bulk_items (operation_id, account_id, tenant_id, state, reason, tries)
       select ?, id, tenant_id, 'failed', 'not_active', 1 from accounts where id = ?`,
      [bulk, bulk, account],
    ),
  );

/** A message that waits to be sent, or was not sent. */
async function sentFor({ path }: Operation, { conversation }: Ids): Promise<string> {
  const sent = await api.client.post(`/api/v1/conversations/${conversation}/messages`, { text: 'text' });
  expect(sent.status).toBe(202);
  if (path.endsWith('/retry')) {
    const failed = "update message_sends set state = 'failed', ended_at = now() where message_id = ?";
    await api.context.db.system((em) => em.execute(failed, [sent.body.id]));
  }
  return sent.body.id;
}

/** A step at which the operation can be asked. */
async function stepFor({ path }: Operation, { account }: Ids): Promise<string> {
  const { id } = (await api.client.get(`/api/v1/accounts/${account}/attempt`)).body;
  if (path.endsWith('/qr.svg')) return placeStep(api, id, { kind: 'qr', text: 'scan me' });
  const step = await placeStep(api, id, { kind: 'code', source: 'sms' });
  await api.context.db.system((em) =>
    em.execute('update connection_steps set can_try_another_way = true where id = ?', [step]),
  );
  return step;
}

it('matches every kind of step and every state of an account', async () => {
  const operation = document.operations.find(({ name }) => name === 'GET /api/v1/accounts/{id}/attempt')!;
  const { account, attempt } = await connect(api.client, linkedin);
  const contents = [
    { kind: 'redirect', url: 'https://provider.example/login' },
    { kind: 'qr', text: 'scan me' },
    { kind: 'code', source: 'app', length: 6 },
    { kind: 'phone' },
    { kind: 'approve' },
    { kind: 'captcha', publicKey: 'k', data: 'd' },
    { kind: 'choose', options: [{ id: '1', label: 'One' }] },
    { kind: 'wait', for: 'the provider' },
  ] as Parameters<typeof placeStep>[2][];
  for (const content of contents) {
    await placeStep(api, attempt.id, content);
    const { status, body } = await api.client.get(`/api/v1/accounts/${account.id}/attempt`);
    expect(body.step.kind).toBe(content.kind);
    expect(document.wrongWith(operation, status, body)).toBeNull();
  }
  await activate(api, account.id, `up-${unique()}`);
  expect(await answered(operation, api.client, { ...ids, account: account.id })).toBeNull();
});

it('matches webhooks and readiness while a part is down', async () => {
  const ready = document.operations.find(({ path }) => path === '/readyz')!;
  api.temporal.down = true;
  const { status, body } = await send(api.url, ready, { path: {}, query: {}, headers: {} });
  api.temporal.down = false;
  expect(status).toBe(503);
  expect(document.wrongWith(ready, status, body)).toBeNull();
  const webhook = document.operations.find(({ path }) => path === '/webhooks/{provider}/{token}')!;
  const taken = await postWebhook(api, { event: 'message_received', message_id: unique() });
  expect(document.wrongWith(webhook, taken.status, await taken.json())).toBeNull();
});
