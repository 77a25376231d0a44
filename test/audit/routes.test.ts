import { rightAsk, send } from '../api/ask.ts';
import { oneOfEach } from '../api/fixture.ts';
import { readDocument } from '../api/openapi.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import { recordedOf } from './entries.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

it('F7: every route that writes leaves a record, and one that is refused too', async () => {
  const document = await readDocument(api);
  const raw: any = await (await fetch(`${api.url}/openapi.json`)).json();
  const usual = await api.clientOf('each route');
  // Credentials of its own would lead a tenant's webhooks to another address.
  const settled = await api.clientOf('settled');
  const reader = await api.clientOf('each route', []);
  const writes = document.operations.filter(({ method, open }) => method !== 'GET' && !open);
  expect(writes.length).toBeGreaterThan(60);
  let succeeded = 0;
  for (const operation of writes) {
    const ids = await oneOfEach(api, usual);
    const client = /^PUT .*\/providers\//.test(operation.name) ? settled : usual;
    const action = raw.paths[operation.path][operation.method.toLowerCase()].operationId;
    const answer = await send(api.url, operation, rightAsk(operation, ids, client.key));
    // An answer that shows raw data is recorded as a look too.
    const found = (await recordedOf(api, answer)).filter(({ kind }) => kind === 'write');
    // What a provider does not do is refused after a transaction that has read what it is about.
    expect([operation.name, answer.status, found.map((one) => one.action)]).toEqual([
      operation.name,
      answer.status,
      found.length > 1 ? [action, action] : [action],
    ]);
    const ended = found.map(({ outcome }) => outcome);
    if (answer.status < 400) {
      succeeded += 1;
      expect([operation.name, ended]).toEqual([operation.name, ['accepted']]);
    } else
      expect([operation.name, ended]).toEqual([
        operation.name,
        expect.arrayContaining([expect.not.stringMatching('accepted')]),
      ]);
    const refused = await send(api.url, operation, rightAsk(operation, ids, reader.key));
    expect([operation.name, refused.status, await recordedOf(api, refused)]).toEqual([
      operation.name,
      403,
      [expect.objectContaining({ action, outcome: 'refused', code: 'missing_scope' })],
    ]);
  }
  expect(succeeded).toBeGreaterThan(writes.length / 2);
}, 240_000);
