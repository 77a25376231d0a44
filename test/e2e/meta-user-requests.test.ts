import { createHmac } from 'node:crypto';
import { Account } from '../../db/entities/accounts.ts';
import { eventually } from '../support/eventually.ts';
import { connectMeta, messageWith, personOf } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
  for (const [name, path] of [
    ['deauthorize_url', 'deauthorize'],
    ['data_deletion_url', 'data-deletion'],
  ])
    await stack.control.put('/variants', {
      provider: 'meta',
      name,
      value: `${stack.api.url}/callbacks/meta/${path}`,
    });
});
afterAll(() => stack?.stop());

const encoded = (of: object): string => Buffer.from(JSON.stringify(of)).toString('base64url');
const signedRequest = (of: object, secret = 'sandbox-app-secret'): string => {
  const payload = encoded({ algorithm: 'HMAC-SHA256', issued_at: Math.floor(Date.now() / 1000), ...of });
  return `${createHmac('sha256', secret).update(payload).digest('base64url')}.${payload}`;
};
const post = (path: string, fields: Record<string, string>): Promise<Response> =>
  fetch(`${stack.api.url}/callbacks/meta/${path}`, { method: 'POST', body: new URLSearchParams(fields) });

/** The app-scoped id of the person who connected an account. */
async function userOf(id: string): Promise<string> {
  const { providerGroups } = await stack.db.system((em) => em.findOneOrFail(Account, { id }));
  return providerGroups.find((one) => one.startsWith('user:'))?.slice('user:'.length) ?? '';
}

describe('F5: deauthorise', () => {
  it('moves every account of the person who removed the app', async () => {
    const person = personOf('plain');
    const [page, instagram] = [
      await connectMeta(stack.api, 'messenger', person),
      await connectMeta(stack.api, 'instagram', person),
    ];
    const other = await connectMeta(stack.api, 'messenger', personOf('plain'));
    await stack.control.post('/drop', { account_id: page.provider_account_id, status: 'app_removed' });
    for (const { id } of [page, instagram])
      expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ who: 'owner' });
    expect((await stack.api.get(`/api/v1/accounts/${other.id}`)).body.state).toBe('active');
  });
});

describe('F5: data deletion', () => {
  it('begins the erasure, and the confirmation address answers how far it is', async () => {
    const { id, provider_account_id: page } = await connectMeta(stack.api, 'messenger', personOf('plain'));
    await stack.control.post('/messages', { account_id: page, from: '55588', text: 'To be forgotten' });
    await messageWith(stack.api, id, 'To be forgotten');
    const userId = await userOf(id);
    await stack.control.post('/drop', { account_id: page, status: 'app_removed' });
    const answer = await post('data-deletion', { signed_request: signedRequest({ user_id: userId }) });
    expect(answer.status).toBe(200);
    const { url, confirmation_code: code } = (await answer.json()) as { url: string; confirmation_code: string };
    expect(url).toContain(code);
    const done = await eventually('the end of the deletion', async () => {
      const shown = await fetch(url, { headers: { accept: 'application/json' } });
      const body: any = await shown.json();
      return body.state === 'done' ? body : null;
    });
    expect(done).toMatchObject({ confirmation_code: code, requested_at: expect.any(String) });
    const html = await fetch(url, { headers: { accept: 'text/html' } });
    expect([html.status, html.headers.get('content-type'), await html.text()]).toEqual([
      200,
      expect.stringContaining('text/html'),
      expect.stringContaining(code),
    ]);
    expect((await stack.api.get(`/api/v1/messages?account=${id}`)).body.items).toEqual([]);
    const twice = await post('data-deletion', { signed_request: signedRequest({ user_id: userId }) });
    expect(twice.status).toBe(200);
  });

  it.each(['deauthorize', 'data-deletion'])('%s takes nothing that the app did not sign', async (path) => {
    const { id } = await connectMeta(stack.api, 'messenger', personOf('plain'));
    const user_id = await userOf(id);
    const right = signedRequest({ user_id });
    const wrong = [
      signedRequest({ user_id }, 'another secret'),
      right.slice(1),
      right.slice(0, -2),
      `.${right.split('.')[1]}`,
      encoded({ user_id }),
      '',
    ];
    for (const signed_request of wrong) {
      const { status } = await post(path, { signed_request });
      expect([401, 403, 400]).toContain(status);
    }
    const { status } = await post(path, {});
    expect([401, 403, 400]).toContain(status);
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body.state).toBe('active');
  });
});
