import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { returnToken } from '../../services/connections/return-token.ts';
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
  return { id: account.id as string, token: await tokenOf(attempt), login: attempt.id, back: returnToken(attempt) };
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
const success = (account: string, login: string) => ({ status: 'CREATION_SUCCESS', account_id: account, name: login });
const comeBack = (token: string, outcome: string, method = 'GET') =>
  fetch(`${api.url}/callbacks/unipile/${token}/${outcome}`, { method, redirect: 'manual' });

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
    const { id, token, login } = await begin();
    const upstream = unique();
    api.temporal.signalled.length = 0;
    expect((await call(token, success(upstream, login))).status).toBe(200);
    expect(api.temporal.signalled).toEqual([id]);
    expect(await attemptOf(id)).toMatchObject({ providerAccountId: upstream, undo: [upstream] });
    expect((await call(token, success(upstream, login))).status).toBe(200);
  });

  it('counts once: a second account by the same token is refused', async () => {
    const { id, token, login } = await begin();
    const first = unique();
    await call(token, success(first, login));
    expect((await call(token, success(unique(), login))).status).toBe(409);
    expect((await attemptOf(id)).providerAccountId).toBe(first);
  });

  it('ends with the attempt: an account reported later is attached to nothing, and deleted at the provider', async () => {
    const { id, token, login } = await begin();
    await api.context.db.system((em) =>
      em.nativeUpdate(ConnectionAttempt, { accountId: id }, { state: 'failed', endedAt: new Date() }),
    );
    const late = unique();
    expect((await call(token, success(late, login))).status).toBe(409);
    expect(await attemptOf(id)).toMatchObject({ providerAccountId: null, undo: [late] });
    // Once, too: a second late word cannot have anything else deleted.
    await call(token, success(unique(), login));
    expect((await attemptOf(id)).undo).toEqual([late]);
  });

  it('never deletes another account of ours', async () => {
    const victim = unique();
    const other = await connect(await api.clientOf('theirs'), { ...hosted, channel: 'telegram' });
    await activate(api, other.account.id, victim);
    const { id, token, login } = await begin();
    await call(token, success(victim, login));
    expect((await attemptOf(id)).undo).toEqual([]);
    const ended = await begin();
    await api.context.db.system((em) =>
      em.nativeUpdate(ConnectionAttempt, { accountId: ended.id }, { state: 'failed', endedAt: new Date() }),
    );
    await call(ended.token, success(victim, ended.login));
    expect((await attemptOf(ended.id)).undo).toEqual([]);
  });

  it('rejects another account than the reconnected one', async () => {
    const { id } = await begin();
    const own = unique();
    await activate(api, id, own);
    await api.client.post(`/api/v1/accounts/${id}/reconnect`, { force: true });
    const attempt = await attemptOf(id);
    const [token, login] = [await tokenOf(attempt), attempt.id];
    expect((await call(token, { ...success(unique(), login), status: 'RECONNECTED' })).status).toBe(409);
    expect((await call(token, { ...success(own, login), status: 'RECONNECTED' })).status).toBe(200);
    const account = await api.context.db.system((em) => em.findOneOrFail(Account, { id }));
    expect(account.providerAccountId).toBe(own);
  });

  it.each([
    ['an unknown token', 'unipile', 'x'.repeat(43), 404],
    ['another provider', 'meta', null, 404],
  ])('answers %s as an unknown address', async (_what, provider, given, status) => {
    const { token, login } = await begin();
    expect((await call(given ?? token, success(unique(), login), provider)).status).toBe(status);
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

describe('SECURITY 30: the address that the owner sees', () => {
  it('attaches nothing: the callback has another token, and takes none of the browser', async () => {
    const { id, token, login, back } = await begin();
    expect(back).not.toContain(token);
    const held = await attemptOf(id);
    for (const seen of [back, held.callbackHash ?? '', back.split('.')[1] ?? '']) {
      expect((await call(seen, success(unique(), login))).status).toBe(404);
      expect((await comeBack(token, 'success')).status).toBe(404);
    }
    expect(await attemptOf(id)).toEqual(held);
  });

  it('attaches nothing that was made by another login, though the token is right', async () => {
    const { id, token } = await begin();
    const other = await begin();
    for (const name of [other.login, 'n', '']) expect((await call(token, success(unique(), name))).status).toBe(400);
    expect(await attemptOf(id)).toMatchObject({ providerAccountId: null, callbackUsedAt: null, undo: [] });
  });

  it.each(['GET', 'HEAD'])('changes nothing when it is opened (%s)', async (method) => {
    const { id, back } = await begin();
    const held = await attemptOf(id);
    for (const outcome of ['failure', 'success']) await comeBack(back, outcome, method);
    expect(await attemptOf(id)).toEqual(held);
    const { items } = (await api.client.get(`/api/v1/accounts/${id}/timeline`)).body;
    expect(items.map(({ kind }: { kind: string }) => kind)).not.toContain('came_back');
  });
});

describe("A2: the owner's way back", () => {
  it.each(['success', 'failure'] as const)('goes to the address of the application: %s', async (outcome) => {
    const { back } = await begin();
    const answer = await comeBack(back, outcome);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(redirects[outcome]);
  });

  it.each(['success', 'failure'])('ends on a page of ours where there is none: %s', async (outcome) => {
    const { back } = await begin({ ...hosted, redirects: undefined });
    const answer = await comeBack(back, outcome);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await answer.text()).toContain('You can close this page');
  });

  it('cancels by the form of the page an attempt that the owner left, but not one whose login was reported', async () => {
    const left = await begin();
    expect((await comeBack(left.back, 'failure', 'POST')).headers.get('location')).toBe(redirects.failure);
    expect((await attemptOf(left.id)).cancelRequestedAt).not.toBeNull();
    const { body } = await api.client.get(`/api/v1/accounts/${left.id}/timeline`);
    expect(body.items.map(({ kind }: { kind: string }) => kind)).toContain('came_back');
    const done = await begin({ ...hosted, redirects: undefined });
    await call(done.token, success(unique(), done.login));
    expect((await comeBack(done.back, 'failure', 'POST')).status).toBe(200);
    expect((await attemptOf(done.id)).cancelRequestedAt).toBeNull();
  });

  it('is unknown for any other token or outcome', async () => {
    const { back } = await begin();
    const forged = `${back.split('.')[0]}.${'x'.repeat(43)}`;
    for (const token of ['unknown', forged, '']) expect((await comeBack(token, 'success')).status).toBe(404);
    expect((await comeBack(forged, 'failure', 'POST')).status).toBe(404);
    expect((await comeBack(back, 'other')).status).toBe(404);
  });

  it('leads only to web addresses', async () => {
    for (const success of ['javascript:alert(1)', 'data:text/html,x', 'ftp://app.example', '//app.example', 'x']) {
      const { status } = await api.client.post('/api/v1/accounts', { ...hosted, redirects: { success } });
      expect([success, status]).toEqual([success, 422]);
    }
  });
});
