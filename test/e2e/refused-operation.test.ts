import { callTo, inputFor, startPeer, type Peer } from '../providers/unipile/peer.ts';
import { startTestSandbox, type TestSandbox } from '../sandbox/test-sandbox.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let sandbox: TestSandbox;
let peer: Peer;
let stack: TestStack;
/** Refused by path or by the posted code; other calls go to the sandbox. */
const refusals: Record<string, [number, string]> = {
  '/api/v1/accounts/checkpoint/resend': [422, 'cannot_resend_yet'],
  TRY_ANOTHER_WAY: [401, 'checkpoint_error'],
};

beforeAll(async () => {
  [sandbox, peer] = await Promise.all([startTestSandbox(), startPeer()]);
  peer.answer = (response, { method = 'GET', url = '' }, body) => {
    const refused = refusals[url] ?? refusals[body?.code];
    const passOn = refused
      ? Promise.resolve({ status: refused[0], body: { title: 'No', type: `errors/${refused[1]}`, status: refused[0] } })
      : sandbox.unipile(method, url.replace('/api/v1', ''), body ?? undefined);
    // The sandbox ends before the last calls of the worker do.
    passOn.then(
      (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer.body));
      },
      () => response.destroy(),
    );
  };
  stack = await startTestStack({ UNIPILE_DSN: peer.dsn, UNIPILE_ACCESS_TOKEN: callTo('').settings.access_token ?? '' });
});
afterAll(async () => {
  await stack?.stop();
  peer?.close();
  await sandbox?.close();
});

it.each([
  ['resend', 'resend_refused'],
  ['another-way', 'another_way_refused'],
])('A4: a refused %s leaves the step unchanged, and is in the timeline', async (operation, event) => {
  const { credentials } = inputFor('linkedin', `2fa@${operation}.example`);
  const begun = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials,
  });
  const { id } = begun.body.account;
  const { step } = begun.body.attempt;
  const path = `/api/v1/accounts/${id}/attempt/steps/${step.id}`;
  const answered = await stack.api.post(`${path}/${operation}`);
  expect(answered.body.step).toMatchObject({ id: step.id, kind: 'code' });
  const { items } = (await stack.api.get(`/api/v1/accounts/${id}/timeline`)).body;
  expect(items.map((one: { kind: string }) => one.kind)).toContain(event);
  await stack.api.post(path, { answer: '123456' });
  await stack.api.account(id, 'active');
});
