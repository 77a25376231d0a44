import { eventually } from '../support/eventually.ts';
import { accountOn, hidden, visitor } from '../support/hosted-page.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'unipile' }));
afterAll(() => stack?.stop());

const browser = visitor();
const redirects = { success: 'https://app.example/connected', failure: 'https://app.example/sorry' };

async function begin(channel: string, more: object = {}): Promise<{ id: string; url: string }> {
  const { status, body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel,
    owner: 'maya',
    method: 'hosted',
    redirects,
    ...more,
  });
  expect(status).toBe(202);
  expect(body.attempt.step).toMatchObject({ kind: 'redirect', url: expect.stringContaining('/hosted/') });
  return { id: body.account.id, url: body.attempt.step.url };
}
const login = (scenario: string, provider = 'LINKEDIN') => ({
  action: 'begin',
  provider,
  username: `${scenario}@page.example`,
  password: 'p',
});
const upstream = (id: string): Promise<string> => upstreamOf(stack.api, id);
const exists = async (account: string): Promise<boolean> =>
  (await stack.provider('GET', `/accounts/${account}`)).status === 200;

/** Follows the browser's return, and gives its redirect. */
async function comeBack(page: { url: string }): Promise<string | null> {
  expect(page.url).toContain('/callbacks/unipile/');
  const answer = await fetch(page.url, { redirect: 'manual' });
  return answer.headers.get('location');
}

describe("A2: a login on the provider's page", () => {
  it('connects through the page, its checkpoint, its callback and the return of the browser', async () => {
    const { id, url } = await begin('linkedin');
    const code = await browser.send(url, login('2fa+ada'));
    const done = await browser.send(url, { action: 'solve', at: hidden(code), code: '123456' });
    expect(await comeBack(done)).toBe(redirects.success);
    const account = await stack.api.account(id, 'active');
    expect(account).toMatchObject({ method: 'hosted', provider_account_id: expect.any(String) });
    expect(account.connection_config.account_type).toBe('LINKEDIN');
    // A later return changes nothing.
    expect(await comeBack(done)).toBe(redirects.success);
  });

  it('connects WhatsApp by the code that the page shows', async () => {
    const { id, url } = await begin('whatsapp');
    const page = await browser.send(url, login('', 'WHATSAPP'));
    await stack.control.post('/scan', { account_id: accountOn(page), phone: '+33639980301' });
    expect(await stack.api.account(id, 'active')).toMatchObject({ identity: '+33639980301' });
  });

  it('ends as cancelled when the owner leaves the page, and nothing of it stays at the provider', async () => {
    const { id, url } = await begin('linkedin');
    await browser.send(url, login('2fa+left'));
    const back = await browser.send(url, { action: 'cancel' });
    expect(await comeBack(back)).toBe(redirects.failure);
    // Opening the address changes nothing; its form, or the application, ends the login.
    expect((await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body.state).toBe('running');
    expect((await fetch(back.url, { method: 'POST', redirect: 'manual' })).headers.get('location')).toBe(
      redirects.failure,
    );
    await stack.api.account(id, 'failed');
    expect((await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body).toMatchObject({ state: 'cancelled' });
  });

  it('reconnects on a page of its own, under the same id', async () => {
    const { id, url } = await begin('linkedin');
    await browser.send(url, login('plain+bo'));
    await stack.api.account(id, 'active');
    const account = await upstream(id);
    await stack.control.post('/drop', { account_id: account, status: 'CREDENTIALS' });
    await stack.api.account(id, 'reconnect_required');
    const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    expect(body.attempt.step.kind).toBe('redirect');
    expect(body.attempt.step.url).not.toBe(url);
    expect(await comeBack(await browser.send(body.attempt.step.url, login('plain+bo')))).toBe(redirects.success);
    await stack.api.account(id, 'active');
    expect(await upstream(id)).toBe(account);
  });

  it('merges an account whose identity is connected already', async () => {
    const first = await begin('linkedin');
    await browser.send(first.url, login('plain+twin'));
    await stack.api.account(first.id, 'active');
    const second = await begin('linkedin');
    await browser.send(second.url, login('plain+twin'));
    await stack.api.step(second.id, 'done');
    expect((await stack.api.get(`/api/v1/accounts/${second.id}`)).body.merged_into).toBe(first.id);
    await stack.api.account(first.id, 'active');
  });

  it('accepts a repeated or late callback once', async () => {
    await stack.control.put('/faults', { provider: 'unipile', webhook_duplicate: 1, webhook_reorder: 0.5 });
    const { id, url } = await begin('linkedin');
    await browser.send(url, login('plain+twice'));
    await stack.api.account(id, 'active');
    const texts = (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=100`)).body.items;
    expect(texts.filter((line: any) => line.kind === 'called_back')).toHaveLength(1);
  });

  it('ends with its deadline, and deletes an account that the page makes later', async () => {
    const { id, url } = await begin('whatsapp');
    const page = await browser.send(url, login('', 'WHATSAPP'));
    const attempt = (await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body;
    await stack.api.post(`/api/v1/accounts/${id}/attempt/cancel`);
    await stack.api.account(id, 'failed');
    expect(attempt.state).toBe('running');
    // The page does not notice that, and continues.
    const account = accountOn(page);
    await stack.control.post('/scan', { account_id: account });
    await stack.control.post('/clock', { advance_seconds: 120 });
    await eventually('the deletion of the account', async () => !(await exists(account)));
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body.state).toBe('failed');
  });

  it('ends with a named failure when the owner does not come', async () => {
    const { id } = await begin('linkedin');
    await stack.control.post('/clock', { advance_seconds: 3_700 });
    expect(await stack.api.account(id, 'failed')).toMatchObject({ reason: 'deadline_passed' });
  });
});

it('names accounts that a page without a callback may have made, so that they can be imported', async () => {
  await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
  const { id, url } = await begin('linkedin');
  expect(await comeBack(await browser.send(url, login('plain+unreported')))).toBe(redirects.success);
  await stack.control.put('/faults', { provider: 'unipile' });
  await stack.control.post('/clock', { advance_seconds: 3_700 });
  await stack.api.account(id, 'failed');
  const { data } = await stack.timeline(id, 'suspected_orphan');
  const { body } = await stack.api.post('/api/v1/accounts/import', { provider: 'unipile', ...data });
  expect(body.items).toEqual([expect.objectContaining({ outcome: 'imported' })]);
  await stack.api.account(body.items[0].account_id, 'active');
});

describe('SECURITY 5: on the whole stack', () => {
  it('never attaches an account that the provider does not know', async () => {
    const { id } = await begin('linkedin');
    const { callback, name } = await stack.callbackOf(id);
    const answer = await fetch(callback, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'CREATION_SUCCESS', account_id: 'made-up', name }),
    });
    expect(answer.status).toBe(200);
    await stack.timeline(id, 'callback_refused');
    expect(await upstream(id)).toBeNull();
    expect((await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body.state).toBe('running');
  });

  it('never attaches, and never deletes, an account that another tenant holds', async () => {
    const other = await stack.client('the-others');
    const theirs = await other.post('/api/v1/accounts', {
      provider: 'unipile',
      channel: 'linkedin',
      owner: 'o',
      credentials: { username: 'plain@theirs.example', password: 'p' },
    });
    const { provider_account_id: account } = await other.account(theirs.body.account.id, 'active');
    const { id } = await begin('linkedin');
    const { callback, name } = await stack.callbackOf(id);
    await fetch(callback, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'CREATION_SUCCESS', account_id: account, name }),
    });
    expect(await stack.api.account(id, 'failed')).toMatchObject({ reason: 'account_in_use' });
    expect(await exists(account)).toBe(true);
    await other.account(theirs.body.account.id, 'active');
  });
});
