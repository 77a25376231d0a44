import { Account, AccountEvent } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { rightAsk, send } from './ask.ts';
import { idPlaces, oneOfEach, type Ids } from './fixture.ts';
import { readDocument, type Document } from './openapi.ts';
import { connect, startTestApi, type TestApi } from './support.ts';
import type { ApiClient } from '../support/client.ts';

let api: TestApi;
let document: Document;
let other: ApiClient;
let ours: Ids;
let theirs: Ids;
beforeAll(async () => {
  api = await startTestApi();
  document = await readDocument(api);
  other = await api.clientOf('theirs');
  [ours, theirs] = [await oneOfEach(api, api.client), await oneOfEach(api, other)];
});
afterAll(() => api?.stop());

const unknown = '01900000-0000-7000-8000-000000000000';

/** The current answers about everything of a tenant that has an id. */
const everythingOf = (client: ApiClient, ids: Ids) =>
  Promise.all(
    [
      `/accounts/${ids.account}`,
      `/accounts/${ids.account}/attempt`,
      `/accounts/${ids.account}/timeline`,
      `/syncs/${ids.sync}`,
      `/contacts/${ids.contact}`,
      `/conversations/${ids.conversation}`,
      `/messages/${ids.message}`,
      `/attendees/${ids.attendee}`,
      `/webhook-events/${ids.event}`,
      `/webhook-endpoints/${ids.endpoint}`,
      `/webhook-deliveries/${ids.delivery}`,
      `/bulk-operations/${ids.bulk}`,
      '/api-keys',
    ].map(async (path) => (await client.get(`/api/v1${path}`)).body),
  );

describe('SECURITY 1: tenants', () => {
  it("answers every route with another tenant's id, wherever it is, as it answers an unknown one", async () => {
    const before = await everythingOf(other, theirs);
    const asked: string[] = [];
    for (const operation of document.operations.filter(({ open }) => !open))
      for (const place of idPlaces(operation)) {
        const answers = [];
        for (const id of [theirs[place.kind], unknown]) {
          const ask = rightAsk(operation, ours, api.client.key);
          // A name in two places is tested in this one.
          if (place.in === 'body') delete ask.query[place.name];
          else delete ask.body?.[place.name];
          const right = ask[place.in][place.name];
          Object.assign(ask[place.in], { [place.name]: Array.isArray(right) ? [...right.slice(0, -1), id] : id });
          const { status, type, body } = await send(api.url, operation, ask);
          const { request_id: _, ...problem } = body;
          answers.push({ at: `${operation.name} ${place.name}`, status, type, problem });
        }
        expect(answers[0]).toMatchObject({ status: 404, problem: { code: 'not_found' } });
        expect({ ...answers[1], at: '' }).toEqual({ ...answers[0], at: '' });
        asked.push(answers[0]!.at);
      }
    expect(asked.length).toBeGreaterThan(25);
    expect(await everythingOf(other, theirs)).toEqual(before);
  });

  it('shows nothing of another tenant in any list', async () => {
    const lists = document.operations.filter(
      ({ method, open, parameters }) => !open && method === 'GET' && parameters.some(({ name }) => name === 'cursor'),
    );
    expect(lists.length).toBeGreaterThan(5);
    for (const operation of lists) {
      // An entry names what its caller asked for, here ids of the other tenant.
      if (operation.path === '/api/v1/audit') continue;
      const ask = rightAsk(operation, ours, api.client.key);
      const { q } = ask.query;
      ask.query = { limit: '200', ...(q !== undefined && { q }) };
      const { status, body } = await send(api.url, operation, ask);
      expect({ at: operation.name, status }).toEqual({ at: operation.name, status: 200 });
      for (const id of Object.values(theirs)) expect(JSON.stringify(body)).not.toContain(id);
    }
  });

  it('shows the application without a tenant no rows', async () => {
    await connect(api.client);
    for (const entity of [Account, AccountEvent, ConnectionAttempt] as const) {
      const seen = await api.context.db.tenant('', (em) => em.count(entity as typeof Account, {}));
      expect(seen).toBe(0);
    }
  });
});
