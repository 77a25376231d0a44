import { accountKeys } from '../../db/queries/accounts/account-keys.ts';
import { Account } from '../../db/entities/accounts.ts';
import { createBrowser } from '../../dev/parts/browser.ts';
import { eventually } from '../support/eventually.ts';
import { agree, connectMeta, personOf, titleOf } from '../support/meta.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const day = 86_400;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => stack.control.put('/faults', { provider: 'meta' }));
afterAll(() => stack?.stop());

const advance = (seconds: number) => stack.control.post('/clock', { advance_seconds: seconds });
const keysOf = (id: string): Promise<any> =>
  stack.db.system(async (em) => {
    const account = await em.findOneOrFail(Account, { id });
    return accountKeys(await stack.worker.context.vault.keysOf(em, account.tenantId), account);
  });
/** The sweep runs, and the account is then as wanted. */
const swept = <T>(what: string, look: () => Promise<T | null | false>): Promise<T> =>
  eventually(what, async () => {
    const found = await look();
    if (!found) await stack.trigger('refreshTokens');
    return found || null;
  });

it('D4: tokens are encrypted at rest, and shown by no answer', async () => {
  const { id } = await connectMeta(stack.api, 'messenger', personOf('plain'));
  const { apiKey, parentKey } = await keysOf(id);
  expect([apiKey, parentKey]).toEqual([expect.stringMatching(/^EAA/), expect.stringMatching(/^EAA/)]);
  const tables = ['accounts', 'connection_attempts', 'connection_steps', 'account_events', 'provider_credentials'];
  const rows = await stack.db.system(async (em) => {
    const found = [];
    for (const table of tables) found.push(await em.execute(`select * from ${table}`));
    return JSON.stringify(found);
  });
  const answers = await Promise.all(
    [
      `/accounts/${id}`,
      `/accounts/${id}/attempt`,
      `/accounts/${id}/timeline?limit=100`,
      '/webhook-events',
      '/events?after=0',
    ].map(async (path) => JSON.stringify((await stack.api.get(`/api/v1${path}`)).body)),
  );
  for (const text of [rows, ...answers])
    for (const token of [apiKey, parentKey, 'sandbox-app-secret']) expect(text).not.toContain(token);
});

it('D4: are renewed before they end, so that an account outlives several of them', async () => {
  const facebook = await connectMeta(stack.api, 'messenger', personOf('plain'));
  const instagram = await connectMeta(stack.api, 'instagram', personOf('plain'), {
    credentials: { login: 'instagram' },
  });
  for (let half = 1; half <= 5; half++) {
    const before = [await keysOf(facebook.id), await keysOf(instagram.id)];
    await advance(31 * day);
    await swept('new tokens', async () => {
      const [one, two] = [await keysOf(facebook.id), await keysOf(instagram.id)];
      return one.parentKey !== before[0].parentKey && two.apiKey !== before[1].apiKey;
    });
  }
  for (const { id } of [facebook, instagram]) {
    await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'details' });
    await stack.api.account(id, 'active');
  }
});

it('D4: ask for a login where they cannot be renewed: in time, and again at the end', async () => {
  const person = personOf('plain');
  // The token of a Page has no end; that of an Instagram login has one.
  const { id, provider_account_id: login } = await connectMeta(stack.api, 'instagram', person, {
    credentials: { login: 'instagram' },
  });
  await stack.control.put('/faults', { provider: 'meta', route: 'GET /refresh_access_token', rate_500: 1 });
  await advance(54 * day);
  const asked = await swept('the question', async () => {
    const { body } = await stack.api.get(`/api/v1/accounts/${id}`);
    return body.state === 'degraded' || body.state === 'reconnect_required' ? body : null;
  });
  expect(asked.who).toBe('owner');
  await stack.control.put('/faults', { provider: 'meta' });
  await stack.control.post('/drop', { account_id: login, status: 'password_changed' });
  await advance(10 * day);
  await swept(
    'the end',
    async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.state === 'reconnect_required',
  );
  await stack.api.post(`/api/v1/accounts/${id}/reconnect`, {});
  const { step } = await stack.api.step(id, 'redirect');
  const browser = createBrowser();
  expect(titleOf(await browser.open(await agree(browser, step.url, person)))).toBe('Connected');
  expect((await stack.api.account(id, 'active')).provider_account_id).toBe(login);
});
