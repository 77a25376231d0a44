import { Account, AccountEvent } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { rows } from '../../db/connect.ts';
import { openDetailsRun } from '../../db/queries/open-details-run.ts';
import { activate, connect, placeStep, startTestApi, webhookOf, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

describe('SECURITY 1: tenants', () => {
  it("answers every route with another tenant's id as it answers an unknown one", async () => {
    const { account, attempt } = await connect(api.client);
    const stepId = await placeStep(api, attempt.id, { kind: 'code', source: 'sms' }, { canResend: true });
    await activate(api, account.id, 'up-theirs');
    await api.context.db.system((em) => em.nativeUpdate(ConnectionAttempt, { id: attempt.id }, { state: 'running' }));
    const [owner] = await api.context.db.system((em) =>
      rows<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [account.id]),
    );
    const syncId = await api.context.db.system((em) => openDetailsRun(em, owner!.tenant_id, account.id, new Date()));
    const { address, secret } = await webhookOf(api);
    await fetch(address, {
      method: 'POST',
      headers: { 'patchbay-webhook-secret': secret },
      body: JSON.stringify({
        AccountStatus: { account_id: 'up-theirs', account_type: 'WHATSAPP', message: 'CREDENTIALS' },
      }),
    });
    const eventId = (await api.client.get('/api/v1/webhook-events')).body.items[0].id;
    const keyId = (await api.client.get('/api/v1/api-keys')).body.items[0].id;

    const other = await api.clientOf('theirs');
    const unknown = '01900000-0000-7000-8000-000000000000';
    const asked: [method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: object][] = [
      ['get', `/accounts/${account.id}`],
      ['patch', `/accounts/${account.id}`, { label: 'mine' }],
      ['delete', `/accounts/${account.id}`],
      ['get', `/accounts?account=${account.id}`],
      ['get', `/accounts/${account.id}/attempt`],
      ['post', `/accounts/${account.id}/attempt/steps/${stepId}`, { answer: '123456' }],
      ['post', `/accounts/${account.id}/attempt/steps/${stepId}/resend`],
      ['post', `/accounts/${account.id}/attempt/steps/${stepId}/another-way`],
      ['get', `/accounts/${account.id}/attempt/steps/${stepId}/qr.svg`],
      ['post', `/accounts/${account.id}/attempt/answer`, { answer: '123456' }],
      ['post', `/accounts/${account.id}/attempt/cancel`],
      ['post', `/accounts/${account.id}/reconnect`, {}],
      ['post', `/accounts/${account.id}/reconnect_account`, {}],
      ['post', `/accounts/${account.id}/solve_checkpoint`, { code: '1' }],
      ['get', `/accounts/${account.id}/timeline`],
      ['post', `/accounts/${account.id}/syncs`, { kind: 'details' }],
      ['post', '/accounts/sync-account-details/', { account_id: account.id }],
      ['post', '/syncs', { account: account.id }],
      ['get', `/accounts/${account.id}/syncs`],
      ['get', `/syncs/${syncId}`],
      ['get', `/webhook-events?account=${account.id}`],
      ['get', `/webhook-events/${eventId}`],
      ['post', `/webhook-events/${eventId}/replay`],
      ['delete', `/api-keys/${keyId}`],
    ];
    for (const [method, path, body] of asked) {
      const answers = [];
      for (const id of [account.id, unknown]) {
        const replaced = [stepId, syncId, eventId, keyId].reduce((text, one) => text.replace(one, unknown), path);
        const at = id === unknown ? replaced.replace(account.id, unknown) : path;
        const sent = id === unknown && body ? JSON.parse(JSON.stringify(body).replace(account.id, unknown)) : body;
        const { status, body: problem } = await other[method](`/api/v1${at}`, sent);
        answers.push({ asked: `${method} ${path}`, status, code: problem.code, detail: problem.detail });
      }
      expect(answers[0]).toMatchObject({ status: 404, code: 'not_found' });
      expect(answers[0]).toEqual(answers[1]);
    }
    expect((await other.get('/api/v1/accounts')).body.items).toEqual([]);
    expect((await other.get('/api/v1/webhook-events')).body.items).toEqual([]);
    expect((await api.client.get(`/api/v1/accounts/${account.id}`)).body).toMatchObject({
      label: null,
      state: 'active',
    });
  });

  it('shows the application without a tenant no rows', async () => {
    await connect(api.client);
    for (const entity of [Account, AccountEvent, ConnectionAttempt] as const) {
      const seen = await api.context.db.tenant('', (em) => em.count(entity as typeof Account, {}));
      expect(seen).toBe(0);
    }
  });
});
