import { randomUUID } from 'node:crypto';
import { ConnectionStep } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { runSql } from '../support/run-sql.ts';
import { linkedin, upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const whatsapp = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };

async function begin(body: object): Promise<{ id: string; attempt: any }> {
  const { status, body: answer } = await stack.api.post('/api/v1/accounts', body);
  expect(status).toBe(202);
  return { id: answer.account.id, attempt: answer.attempt };
}

const upstream = (id: string): Promise<string> => upstreamOf(stack.api, id);

const answer = (id: string, step: any, value: string, headers?: Record<string, string>) =>
  stack.api.post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: value }, headers);

describe('A1: WhatsApp by QR', () => {
  it('returns the QR text and its expiry, and becomes active by itself once scanned', async () => {
    const { id, attempt } = await begin(whatsapp);
    expect(attempt).toMatchObject({ operation: 'connect', state: 'running', step: { kind: 'qr' } });
    expect(attempt.step.text.length).toBeGreaterThan(10);
    expect(Date.parse(attempt.step.expires_at)).toBeGreaterThan(Date.now());
    await stack.control.post('/scan', { account_id: await upstream(id), phone: '+33639980101' });
    const account = await stack.api.account(id, 'active');
    expect(account.connection_config.phone_number).toBe('+33639980101');
    expect(account.provider_config.formatted_phone_number).toBe('+33 6 39 98 01 01');
    expect((await stack.api.step(id, 'done')).state).toBe('succeeded');
  });

  it('replaces a lapsed QR code with a new one under the same upstream account, and accepts a scan of it', async () => {
    const { id, attempt } = await begin(whatsapp);
    const before = await upstream(id);
    await stack.control.post('/clock', { advance_seconds: 120 });
    const next = await stack.api.get(`/api/v1/accounts/${id}/attempt?after=${attempt.step.id}&wait=20`);
    expect(next.body.step.kind).toBe('qr');
    expect(next.body.step.id).not.toBe(attempt.step.id);
    expect(next.body.step.text).not.toBe(attempt.step.text);
    expect(await upstream(id)).toBe(before);
    await stack.control.post('/scan', { account_id: before });
    await stack.api.account(id, 'active');
  });

  it('ends with a named failure when the code is not scanned in time, and deletes the account at the provider', async () => {
    const { id } = await begin(whatsapp);
    const made = await upstream(id);
    await stack.control.post('/clock', { advance_seconds: 11 * 60 });
    const attempt = await stack.api.step(id, 'failed');
    expect(attempt).toMatchObject({ state: 'failed', step: { reason: 'deadline_passed', who: 'owner' } });
    expect(attempt.step.what_to_do).toMatch(/start again/i);
    await expect(stack.control.post('/scan', { account_id: made })).rejects.toThrow();
    expect((await stack.api.get(`/api/v1/accounts/${id}`)).body.state).toBe('failed');
  });
});

describe('A3 and A4: credentials and checkpoints', () => {
  it('connects without a checkpoint', async () => {
    const { id } = await begin(linkedin('plain', 'ada'));
    await stack.api.account(id, 'active');
  });

  it.each(['2fa', 'otp'])(
    'asks for the code of %s, lets a wrong one be tried again, and takes the right one',
    async (scenario) => {
      const { id, attempt } = await begin(linkedin(scenario, 'bo'));
      expect(attempt.step.kind).toBe('code');
      const wrong = await answer(id, attempt.step, '000000');
      expect(wrong.status).toBeLessThan(300);
      expect(wrong.body.step).toMatchObject({ kind: 'code', attempts_left: attempt.step.attempts_left - 1 });
      expect(wrong.body.step.id).not.toBe(attempt.step.id);
      expect((await answer(id, attempt.step, '123456')).body.code).toBe('stale_step');
      await answer(id, wrong.body.step, '123456');
      await stack.api.account(id, 'active');
    },
  );

  it('passes two checkpoints: 2FA, then a contract', async () => {
    const { id, attempt } = await begin(linkedin('two', 'cy'));
    await answer(id, attempt.step, '123456');
    const { step } = await stack.api.step(id, 'choose');
    expect(step.options.length).toBeGreaterThan(1);
    await answer(id, step, step.options[1].id);
    await stack.api.account(id, 'active');
  });

  it('asks for a phone number, and refuses an invalid one before the provider is called', async () => {
    const { id, attempt } = await begin(linkedin('phone', 'di'));
    expect(attempt.step.kind).toBe('phone');
    expect((await answer(id, attempt.step, 'none of your business')).status).toBe(422);
    const sent = await answer(id, attempt.step, '+33612345678');
    expect(sent.status).toBeLessThan(300);
    const { step } = await stack.api.step(id, 'code', 'done');
    if (step.kind === 'code') await answer(id, step, '123456');
    await stack.api.account(id, 'active');
  });

  it('detects an approval in the app by itself', async () => {
    const { id, attempt } = await begin(linkedin('approve', 'ed'));
    expect(attempt.step.kind).toBe('approve');
    await stack.control.post('/approve', { account_id: await upstream(id) });
    await stack.api.account(id, 'active');
  });

  it('names wrong credentials and who must act', async () => {
    const { id } = await begin(linkedin('wrong-password', 'fi'));
    const attempt = await stack.api.step(id, 'failed');
    expect(attempt.step).toMatchObject({ reason: 'wrong_credentials', who: 'owner' });
  });

  it('lists a first login that failed apart, and deletes it at once when it is purged, with nothing left of it', async () => {
    const owner = `flo-${randomUUID()}`;
    const failed = await begin({ ...linkedin('wrong-password', 'flo'), owner });
    await stack.api.account(failed.id, 'failed');
    const working = await begin({ ...linkedin('plain', 'flo'), owner });
    await stack.api.account(working.id, 'active');
    const listed = async (filter: string): Promise<string[]> =>
      (await stack.api.get(`/api/v1/accounts?owner=${owner}&${filter}`)).body.items.map(({ id }: any) => id);
    expect(await listed('failed=true')).toEqual([failed.id]);
    expect(await listed('failed=false')).toEqual([working.id]);
    const { status, body } = await stack.api.delete(`/api/v1/accounts/${failed.id}?purge=true`);
    expect([status, body.account.id, body.attempt.reason]).toEqual([200, failed.id, 'wrong_credentials']);
    expect((await stack.api.get(`/api/v1/accounts/${failed.id}`)).status).toBe(404);
    expect((await stack.api.delete(`/api/v1/accounts/${failed.id}?purge=true`)).status).toBe(404);
    expect(await listed('')).toEqual([working.id]);
    const left = `select 1 from connection_attempts where account_id = ? union all
      select 1 from connection_steps where account_id = ? union all select 1 from account_events where account_id = ?`;
    expect(await stack.db.system((em) => runSql(em, left, [failed.id, failed.id, failed.id]))).toEqual([]);
    expect((await stack.api.delete(`/api/v1/accounts/${working.id}?purge=true`)).status).toBe(202);
    await stack.api.account(working.id, 'disconnected');
    expect((await stack.api.delete(`/api/v1/accounts/${working.id}?purge=true`)).status).toBe(202);
  });

  it('keeps a failed login that may have left something at the provider, until that is deleted there', async () => {
    const { id } = await begin(whatsapp);
    const made = await upstream(id);
    await stack.control.put('/faults', { provider: 'unipile', route: 'DELETE /api/v1/accounts/:id', rate_500: 1 });
    await stack.api.post(`/api/v1/accounts/${id}/attempt/cancel`);
    await stack.api.account(id, 'failed');
    expect((await stack.api.delete(`/api/v1/accounts/${id}?purge=true`)).status).toBe(202);
    await stack.control.put('/faults', { provider: 'unipile' });
    await stack.api.account(id, 'disconnected');
    await eventually('the login to be gone at the provider', async () => {
      await stack.control.post('/clock', { advance_seconds: 60 });
      return (await stack.provider('GET', `/accounts/${made}`)).status === 404;
    });
    const deleted = async (): Promise<boolean> =>
      (await stack.api.delete(`/api/v1/accounts/${id}?purge=true`)).status === 200;
    await eventually('the account to be deleted', deleted);
  });

  it('ends after too many wrong codes, and deletes the login', async () => {
    const { id, attempt } = await begin(linkedin('2fa', 'gus'));
    let step = attempt.step;
    for (let left = step.attempts_left; left > 0; left -= 1) step = (await answer(id, step, '999999')).body.step;
    expect((await stack.api.step(id, 'failed')).step.reason).toBe('too_many_wrong_answers');
  });

  it('sends a code again and offers another way', async () => {
    const { id, attempt } = await begin(linkedin('2fa', 'hal'));
    expect(attempt.step).toMatchObject({ can_resend: true, can_try_another_way: true });
    const path = `/api/v1/accounts/${id}/attempt/steps/${attempt.step.id}`;
    expect((await stack.api.post(`${path}/resend`)).status).toBeLessThan(300);
    const other = await stack.api.post(`${path}/another-way`);
    expect(other.status).toBeLessThan(300);
    expect(other.body.step.id).not.toBe(attempt.step.id);
  });
});

describe('repeated requests', () => {
  it('cause one provider call when a code is submitted twice under one Idempotency-Key', async () => {
    const { id, attempt } = await begin(linkedin('2fa', 'ida'));
    const before = await stack.control.count('POST', '/api/v1/accounts/checkpoint');
    const headers = { 'idempotency-key': 'solve-ida' };
    const both = await Promise.all([
      answer(id, attempt.step, '123456', headers),
      answer(id, attempt.step, '123456', headers),
    ]);
    expect(both[0].body).toEqual(both[1].body);
    await stack.api.account(id, 'active');
    expect((await stack.control.count('POST', '/api/v1/accounts/checkpoint')) - before).toBe(1);
  });

  it('post no code twice when the check after it fails', async () => {
    const { id, attempt } = await begin(linkedin('2fa', 'unseen'));
    const before = await stack.control.count('POST', '/api/v1/accounts/checkpoint');
    const fault = { provider: 'unipile', route: 'GET /api/v1/accounts/:id' };
    await stack.control.put('/faults', { ...fault, rate_429: 1, times: 2 });
    await answer(id, attempt.step, '123456');
    await stack.api.account(id, 'active');
    await stack.control.put('/faults', { ...fault });
    expect((await stack.control.count('POST', '/api/v1/accounts/checkpoint')) - before).toBe(1);
    const steps = await stack.api.get(`/api/v1/accounts/${id}/timeline`);
    expect(JSON.stringify(steps.body)).not.toContain('answer_unclear');
  });

  it('send a stored answer that its run missed', async () => {
    const { id, attempt } = await begin(linkedin('2fa', 'unheard'));
    const posted = await stack.control.count('POST', '/api/v1/accounts/checkpoint');
    // The state after the API stored an answer and Temporal refused it.
    const { db, vault } = stack.worker.context;
    const answerId = randomUUID();
    const { tenantId } = await db.system((em) => em.findOneOrFail(ConnectionStep, { id: attempt.step.id }));
    const keys = await vault.keysOf(db, tenantId);
    await db.system((em) =>
      em.nativeUpdate(
        ConnectionStep,
        { id: attempt.step.id },
        {
          answerId,
          answer: keys.seal('123456', sealed.stepAnswer(answerId)),
          answeredAt: new Date(stack.worker.context.clock.now().getTime() - 60_000),
        },
      ),
    );
    await stack.api.account(id, 'active');
    expect((await stack.control.count('POST', '/api/v1/accounts/checkpoint')) - posted).toBe(1);
  });

  it('make one account of a connect request repeated under one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'connect-jo' };
    const before = await stack.control.count('POST', '/api/v1/accounts');
    const [one, two] = await Promise.all(
      [1, 2].map(() => stack.api.post('/api/v1/accounts', linkedin('2fa', 'jo'), headers)),
    );
    expect(one!.body.account.id).toBe(two!.body.account.id);
    expect((await stack.control.count('POST', '/api/v1/accounts')) - before).toBe(1);
  });

  it('merges two onboardings of one identity into one account (A12)', async () => {
    const first = await begin(linkedin('plain', 'kim'));
    await stack.api.account(first.id, 'active');
    const second = await begin(linkedin('plain', 'kim'));
    await stack.api.step(second.id, 'done');
    const merged = (await stack.api.get(`/api/v1/accounts/${second.id}`)).body;
    expect(merged.merged_into).toBe(first.id);
    expect((await stack.api.patch(`/api/v1/accounts/${second.id}`, { label: 'x' })).status).toBe(409);
    const listed = (await stack.api.get('/api/v1/accounts?owner=maya&channel=linkedin&limit=200')).body.items;
    expect(listed.filter((one: any) => one.id === second.id)).toEqual([]);
    await stack.api.account(first.id, 'active');
  });

  it('accept a scan past the deadline, before the login was deleted', async () => {
    const { id } = await begin(whatsapp);
    const account = await upstream(id);
    // The scan's own webhook is lost: only the check at the deadline can find it.
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await stack.control.post('/scan', { account_id: account });
    await stack.control.post('/clock', { advance_seconds: 11 * 60 });
    await stack.api.account(id, 'active');
    await stack.control.put('/faults', { provider: 'unipile' });
  });
});

describe('A5 and A6: reconnect and disconnect', () => {
  it('reconnects a dropped account under the same id, with its data kept', async () => {
    const { id } = await begin(whatsapp);
    const account = await upstream(id);
    await stack.control.post('/scan', { account_id: account, phone: '+33639980202' });
    await stack.api.account(id, 'active');
    await stack.control.post('/drop', { account_id: account, status: 'CREDENTIALS' });
    expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ reason: 'login_lost', who: 'owner' });
    const { status, body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    expect(status).toBe(202);
    expect(body.attempt).toMatchObject({ operation: 'reconnect', step: { kind: 'qr' } });
    await stack.control.post('/scan', { account_id: account, phone: '+33639980202' });
    await stack.api.account(id, 'active');
    expect(await upstream(id)).toBe(account);
  });

  it.each([1, 2, 3, 4])('starts a reconnect that is requested while the last run is ending (%s)', async (n) => {
    const { id } = await begin(linkedin('plain', `at-once-${n}`));
    await stack.api.account(id, 'active');
    await stack.control.post('/drop', { account_id: await upstream(id), status: 'CREDENTIALS' });
    // Without a pause between polls: the run that noticed the drop is still ending.
    while ((await stack.api.get(`/api/v1/accounts/${id}`)).body.state !== 'reconnect_required');
    const { body } = await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
    expect(body.attempt.step.kind).not.toBe('wait');
    await stack.api.account(id, 'active');
  });

  it('restarts an account without its owner', async () => {
    const { id } = await begin(linkedin('plain', 'lou'));
    await stack.api.account(id, 'active');
    await stack.control.post('/drop', { account_id: await upstream(id), status: 'ERROR' });
    await eventually(
      'the restart',
      async () => (await stack.control.count('POST', '/api/v1/accounts/:id/restart')) > 0,
    );
    await stack.api.account(id, 'active');
  });

  it('disconnects: revoked at the provider, secrets destroyed, history kept', async () => {
    const { id } = await begin(linkedin('plain', 'mo'));
    await stack.api.account(id, 'active');
    expect((await stack.api.delete(`/api/v1/accounts/${id}`)).status).toBe(202);
    const account = await stack.api.account(id, 'disconnected');
    expect(account.provider_account_id).toBeNull();
    const timeline = (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=100`)).body.items;
    expect(timeline.map((line: any) => line.text).join(' ')).toContain('connected');
  });

  it('purges the data of the account when requested', async () => {
    const { id } = await begin(linkedin('plain', 'ned'));
    await stack.api.account(id, 'active');
    await stack.api.delete(`/api/v1/accounts/${id}?purge=true`);
    const account = await stack.api.account(id, 'disconnected');
    expect(account).toMatchObject({ connection_config: null, provider_config: null });
  });

  it('lets a disconnect win over a running connect, and leaves nothing at the provider', async () => {
    const { id } = await begin(whatsapp);
    const made = await upstream(id);
    expect((await stack.api.delete(`/api/v1/accounts/${id}`)).status).toBe(202);
    await stack.api.account(id, 'disconnected');
    await expect(stack.control.post('/scan', { account_id: made })).rejects.toThrow();
  });

  it('cancels an attempt on request', async () => {
    const { id } = await begin(whatsapp);
    expect((await stack.api.post(`/api/v1/accounts/${id}/attempt/cancel`)).status).toBeLessThan(300);
    expect((await stack.api.step(id, 'failed')).state).toBe('cancelled');
  });
});
