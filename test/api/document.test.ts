import type { Router } from 'express';
import { createApp } from '../../api/app.ts';
import { createSignaller } from '../../services/webhooks/signaller.ts';
import type { ApiClient } from '../support/client.ts';
import { rightAsk, send } from './ask.ts';
import { oneOfEach, postWebhook, type Ids } from './fixture.ts';
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

/** For browsers and our own tools, not for callers. */
const undescribed = /^(GET \/openapi\.json|GET \/docs(\/.*)?|POST \/codec\/\{token\}\/decode|GET \/callbacks\/.*)$/;

it('describes every route of the application, the documented paths too, and no others', () => {
  const app = createApp(api.context, createSignaller(api.context));
  const routes = (app.router as unknown as Router).stack.flatMap(({ route }) =>
    route
      ? Object.keys((route as unknown as { methods: object }).methods).map(
          (method) => `${method.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}`,
        )
      : [],
  );
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

/** The answer to a correct request, which must be a documented success. */
async function answered(operation: Operation, client: ApiClient, about: Ids): Promise<string | null> {
  const { status, body } = await send(api.url, operation, rightAsk(operation, about, client.key));
  if (status >= 300) return `${operation.name}: ${status} ${JSON.stringify(body)}`;
  return status === 204 ? null : document.wrongWith(operation, status, body);
}

/** These succeed only with workers; tests with workers check their answers. */
const wantsWorkers = /\/contacts\/sync$|\/wasender-contact\//;

it('matches the answer of every operation', async () => {
  const wrong: (string | null)[] = [];
  // Credentials of its own would lead a tenant's webhooks to another address.
  const settled = await api.clientOf('settled');
  for (const operation of document.operations.filter(({ path }) => !/webhooks?(\/|$)|^\/callbacks\//.test(path))) {
    if (wantsWorkers.test(operation.path)) continue;
    // One of each per operation: some operations end their subject.
    const about = operation.method === 'GET' ? ids : await oneOfEach(api, api.client);
    if (operation.path.endsWith('/qr.svg') || operation.path.endsWith('/another-way'))
      about.step = await stepFor(operation, about);
    wrong.push(await answered(operation, operation.method === 'PUT' ? settled : api.client, about));
  }
  expect(wrong.filter(Boolean)).toEqual([]);
});

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
