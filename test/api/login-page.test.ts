import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import { activate, connect, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const redirects = { success: 'https://app.example/connected?x=1', failure: 'https://app.example/sorry' };
const hosted = { provider: 'unipile', channel: 'linkedin', owner: 'maya', method: 'hosted', redirects };

/** A running login on the provider's page, and the token of its callback. */
async function begin(body: object = hosted, client = api.client) {
  const { account } = await connect(client, body);
  const attempt = await api.context.db.system((em) => em.findOneOrFail(ConnectionAttempt, { accountId: account.id }));
  return { id: account.id as string, token: await tokenOf(attempt) };
}
const tokenOf = async ({ id, tenantId, callbackToken }: ConnectionAttempt): Promise<string> =>
  (await api.context.vault.keysOf(api.context.db, tenantId)).open(callbackToken ?? '', sealed.callbackToken(id));
const attemptOf = (accountId: string): Promise<ConnectionAttempt> =>
  api.context.db.system((em) => em.findOneOrFail(ConnectionAttempt, { accountId }, { orderBy: { number: 'desc' } }));

const call = (token: string, body: object, provider = 'unipile') =>
  fetch(`${api.url}/callbacks/${provider}/${token}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const success = (account: string) => ({ status: 'CREATION_SUCCESS', account_id: account, name: 'n' });
const comeBack = (token: string, outcome: string) =>
  fetch(`${api.url}/callbacks/unipile/${token}/${outcome}`, { redirect: 'manual' });

describe('SECURITY 5: callbacks of a login page', () => {
  it('stores only a hash and a sealed value of the token, and returns it in no answer', async () => {
    const { id, token } = await begin();
    const row = JSON.stringify(await attemptOf(id));
    expect(row).not.toContain(token);
    const answers = await Promise.all(
      [`/accounts/${id}`, `/accounts/${id}/attempt`, `/accounts/${id}/timeline`].map((path) =>
        api.client.get(`/api/v1${path}`),
      ),
    );
    expect(JSON.stringify(answers)).not.toContain(token);
  });

  it('accepts an account with the right token, signals the run, and accepts a repeat', async () => {
    const { id, token } = await begin();
    const upstream = unique();
    api.temporal.signalled.length = 0;
    expect((await call(token, success(upstream))).status).toBe(200);
    expect(api.temporal.signalled).toEqual([id]);
    expect(await attemptOf(id)).toMatchObject({ providerAccountId: upstream, undo: [upstream] });
    expect((await call(token, success(upstream))).status).toBe(200);
  });

  it('counts once: a second account with the same token is refused', async () => {
    const { id, token } = await begin();
    const first = unique();
    await call(token, success(first));
    expect((await call(token, success(unique()))).status).toBe(409);
    expect((await attemptOf(id)).providerAccountId).toBe(first);
  });

  it('ends with the attempt: an account reported later is not attached, and is deleted at the provider', async () => {
    const { id, token } = await begin();
    await api.context.db.system((em) =>
      em.nativeUpdate(ConnectionAttempt, { accountId: id }, { state: 'failed', endedAt: new Date() }),
    );
    const late = unique();
    expect((await call(token, success(late))).status).toBe(409);
    expect(await attemptOf(id)).toMatchObject({ providerAccountId: null, undo: [late] });
    // A second late callback deletes nothing else.
    await call(token, success(unique()));
    expect((await attemptOf(id)).undo).toEqual([late]);
  });

  it('never deletes another account of ours', async () => {
    const victim = unique();
    const other = await connect(await api.clientOf('theirs'), { ...hosted, channel: 'telegram' });
    await activate(api, other.account.id, victim);
    const { id, token } = await begin();
    await call(token, success(victim));
    expect((await attemptOf(id)).undo).toEqual([]);
    const ended = await begin();
    await api.context.db.system((em) =>
      em.nativeUpdate(ConnectionAttempt, { accountId: ended.id }, { state: 'failed', endedAt: new Date() }),
    );
    await call(ended.token, success(victim));
    expect((await attemptOf(ended.id)).undo).toEqual([]);
  });

  it('rejects another account than the reconnected one', async () => {
    const { id } = await begin();
    const own = unique();
    await activate(api, id, own);
    await api.client.post(`/api/v1/accounts/${id}/reconnect`);
    const token = await tokenOf(await attemptOf(id));
    expect((await call(token, { ...success(unique()), status: 'RECONNECTED' })).status).toBe(409);
    expect((await call(token, { ...success(own), status: 'RECONNECTED' })).status).toBe(200);
    const account = await api.context.db.system((em) => em.findOneOrFail(Account, { id }));
    expect(account.providerAccountId).toBe(own);
  });

  it.each([
    ['an unknown token', 'unipile', 'x'.repeat(43), 404],
    ['another provider', 'meta', null, 404],
  ])('answers %s as an unknown address', async (_what, provider, given, status) => {
    const { token } = await begin();
    expect((await call(given ?? token, success(unique()), provider)).status).toBe(status);
  });

  it.each([[{}], [{ status: 'CREATION_SUCCESS' }], [{ status: 'FAILED', account_id: 'x' }], [{ account_id: 5 }]])(
    'learns nothing from %j',
    async (body) => {
      const { id, token } = await begin();
      expect((await call(token, body)).status).toBe(400);
      expect(await attemptOf(id)).toMatchObject({ providerAccountId: null, callbackUsedAt: null });
    },
  );
});

describe("A2: the return of the owner's browser", () => {
  it.each(['success', 'failure'] as const)('redirects to the application: %s', async (outcome) => {
    const { token } = await begin();
    const answer = await comeBack(token, outcome);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(redirects[outcome]);
  });

  it.each(['success', 'failure'])('shows a page of ours when the application gave no address: %s', async (outcome) => {
    const { token } = await begin({ ...hosted, redirects: undefined });
    const answer = await comeBack(token, outcome);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await answer.text()).toContain('You can close this page');
  });

  it('cancels an attempt that the owner left, but not one that succeeded', async () => {
    const left = await begin();
    await comeBack(left.token, 'failure');
    expect((await attemptOf(left.id)).cancelRequestedAt).not.toBeNull();
    const done = await begin();
    await call(done.token, success(unique()));
    await comeBack(done.token, 'failure');
    expect((await attemptOf(done.id)).cancelRequestedAt).toBeNull();
  });

  it('is 404 for any other token or outcome', async () => {
    const { token } = await begin();
    expect((await comeBack('unknown', 'success')).status).toBe(404);
    expect((await comeBack(token, 'other')).status).toBe(404);
  });

  it('leads only to web addresses', async () => {
    for (const success of ['javascript:alert(1)', 'data:text/html,x', 'ftp://app.example', '//app.example', 'x']) {
      const { status } = await api.client.post('/api/v1/accounts', { ...hosted, redirects: { success } });
      expect([success, status]).toEqual([success, 422]);
    }
  });
});
