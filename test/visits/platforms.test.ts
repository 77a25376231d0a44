import { connectMeta, connectNumber, messageWith, personOf } from '../support/meta.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { commandEnv } from '../cli/run.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.worker.context.db.system((em) => runSql<any>(em, statement, params));
const accountOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const dropping = (provider: string, share: number): Promise<unknown> =>
  stack.control.put('/faults', { provider, ...(share ? { webhook_drop: share } : {}) });
/** Waits for the reads after a login, which a visit would join. */
const read = (ids: readonly string[]): Promise<unknown> =>
  eventually('the first reads', async () => {
    const [{ n }] = await query(
      "select count(*)::int as n from sync_runs where account_id = any(?::uuid[]) and state = 'running'",
      [`{${ids.join(',')}}`],
    );
    return n === 0;
  });
const count = (method: string, route: string): Promise<number> => stack.control.count(method, route);

it.each(['instagram', 'messenger'] as const)(
  'D9: new conversations and messages of %s are fetched by the sweep, whatever webhooks brought; the last sync is recorded',
  async (channel) => {
    const { id, provider_account_id: upstream } = await connectMeta(stack.api, channel, personOf('plain'));
    await read([id]);
    expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', found: 0, webhook_state: 'ok' });
    await dropping('meta', 1);
    // A message within two seconds of the newest one is left to the hourly comparison.
    await stack.control.post('/clock', { advance_seconds: 5 });
    await stack.control.post('/messages', {
      account_id: upstream,
      from: 'visitor',
      text: `lost on ${channel}`,
      count: 1,
    });
    const before = (await accountOf(id)).last_sync_at;
    expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', reason: null, found: 1 });
    await dropping('meta', 0);
    await messageWith(stack.api, id, `lost on ${channel}`);
    const after = (await accountOf(id)).last_sync_at;
    expect(Date.parse(after)).toBeGreaterThan(Date.parse(before));

    // Nothing is new: one call asks for it, and no run is opened.
    const runs = () => query("select id from sync_runs where account_id = ? and kind = 'conversations'", [id]);
    const opened = (await runs()).length;
    expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', found: 0, behind: 0, interval_seconds: 300 });
    expect(await runs()).toHaveLength(opened);
    expect(Date.parse((await accountOf(id)).last_sync_at)).toBeGreaterThan(Date.parse(after));
    // What only confirms is no change for those who ask for changes.
    const [settled] = await query('select changed_at from accounts where id = ?', [id]);
    await stack.visit(id);
    expect((await query('select changed_at from accounts where id = ?', [id]))[0]).toEqual(settled);
  },
);

it('D9: what webhooks brought is not read again by the sweep', async () => {
  const { id, provider_account_id: upstream } = await connectMeta(stack.api, 'messenger', personOf('plain'));
  await read([id]);
  await stack.visit(id);
  await stack.control.post('/messages', { account_id: upstream, from: 'visitor', text: 'brought' });
  await messageWith(stack.api, id, 'brought');
  const before = await count('GET', '/:node/messages');
  expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', found: 0 });
  expect(await count('GET', '/:node/messages')).toBe(before);
});

it('D9: the webhook of a WhatsApp number is checked by the sweep: expected against actual address; what is switched off is registered again', async () => {
  const { id } = await connectNumber(stack.api);
  const [visit] = [await stack.visit(id)];
  expect(visit).toMatchObject({ outcome: 'ok', webhook_state: 'ok', behind: null });
  expect(visit.webhook_expected).toBe(visit.webhook_actual);
  // The token in the path lets requests in: it is shown to nobody.
  expect(visit.webhook_expected).toMatch(/\/webhooks\/meta\/…$/);
  const { last_sync_at: synced } = await accountOf(id);
  expect(synced).not.toBeNull();

  const waba = '301000000000001';
  const graph = (method: string, path: string) =>
    fetch(`${stack.worker.context.config.providers.meta!.base_url}/v25.0/${path}`, {
      method,
      headers: { authorization: 'Bearer EAAsandboxwhatsapp' },
    });
  expect((await graph('DELETE', `${waba}/subscribed_apps`)).status).toBe(200);
  const mended = await stack.visit(id);
  expect(mended).toMatchObject({ outcome: 'ok', webhook_state: 'ok', webhook_repairs: 1 });
  expect(await stack.timeline(id, 'webhooks_registered')).toMatchObject({ data: { state: 'off' } });
  const subscribed: any = await (await graph('GET', `${waba}/subscribed_apps`)).json();
  expect(subscribed.data).toHaveLength(1);
  expect(await stack.visit(id)).toMatchObject({ webhook_state: 'ok', webhook_repairs: 0 });
});

it('the webhook that all accounts of UniPile share is asked for once in a sweep, and what an incident deleted is registered again', async () => {
  const ids: string[] = [];
  for (const name of ['one', 'two', 'three']) {
    const credentials = { username: `plain+${name}@visits.example`, password: 'correct horse' };
    const body = { provider: 'unipile', channel: 'linkedin', owner: 'o', credentials };
    ids.push((await stack.api.post('/api/v1/accounts', body)).body.account.id);
  }
  for (const id of ids) await stack.api.account(id, 'active');
  await read(ids);
  const { body } = await stack.provider('GET', '/webhooks');
  for (const { id, source } of body.items)
    if (source === 'messaging') await stack.provider('DELETE', `/webhooks/${id}`);
  const before = await count('GET', '/api/v1/webhooks');
  await query("update account_visits set due_at = 'epoch' where account_id = any(?::uuid[])", [`{${ids.join(',')}}`]);
  const first = await stack.visit(ids[0]!);
  expect(first).toMatchObject({ outcome: 'ok', webhook_state: 'ok' });
  await eventually('the others', async () => {
    const [{ n }] = await query(
      "select count(*)::int as n from account_visits where account_id = any(?::uuid[]) and webhook_state = 'ok'",
      [`{${ids.join(',')}}`],
    );
    return n === ids.length;
  });
  const { body: after } = await stack.provider('GET', '/webhooks');
  expect(after.items.filter(({ source }: any) => source === 'messaging')).toHaveLength(1);
  // The look, those of the registration, and the look after it; not one for each account.
  expect((await count('GET', '/api/v1/webhooks')) - before).toBeLessThanOrEqual(5);
});

it('an account whose webhook goes elsewhere for good is degraded with the evidence, and works again once it comes here', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'o',
    credentials: { phone_number: '+33639981201' },
  });
  const { id } = body.account;
  const session = await eventually('a session', async () => (await accountOf(id)).provider_account_id);
  await stack.control.post('/scan', { session });
  await stack.api.account(id, 'active');
  expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', webhook_state: 'ok' });

  const { base_url: base, api_token: token } = stack.worker.context.config.providers.wasender!;
  const session0 = async (method: string, more?: object): Promise<any> => {
    const answer = await fetch(`${base}/whatsapp-sessions/${session}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(more && { body: JSON.stringify(more) }),
    });
    return ((await answer.json()) as any).data;
  };
  const { webhook_url: ours } = await session0('GET');
  await session0('PUT', { webhook_url: 'https://crm.example/hooks/1' });
  // An address that is not ours is left as it is: its owner's product uses it.
  for (let n = 1; n <= 2; n += 1) {
    await query('update account_visits set webhook_repaired_at = null where account_id = ?', [id]);
    // What a provider tells of all accounts is kept for some minutes.
    stack.worker = (await stack.worker.stop(), await stack.startWorker());
    const visit = await stack.visit(id);
    expect(visit).toMatchObject({ outcome: 'ok', webhook_state: 'elsewhere', webhook_repairs: n });
    expect(visit.webhook_actual).toBe('https://crm.example/hooks/1');
  }
  expect(await stack.api.account(id, 'degraded')).toMatchObject({ reason: 'webhooks_missed', who: 'nobody' });
  expect(await stack.timeline(id, 'webhooks_wrong')).toMatchObject({ data: { state: 'elsewhere' } });

  await session0('PUT', { webhook_url: ours });
  stack.worker = (await stack.worker.stop(), await stack.startWorker());
  expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', webhook_state: 'ok' });
  expect(await stack.api.account(id, 'active')).toMatchObject({ reason: null });
}, 300_000);

it('D9: patchbay sync platforms visits the accounts of a tenant at once, and says what it found', async () => {
  const client = await stack.client('acme');
  const { id } = await connectMeta(client, 'messenger', personOf('plain'));
  const env = commandEnv(stack);
  // The Schedule of this stack is switched off.
  expect(await patchbayHere(env, 'sync', 'platforms', '--tenant', 'acme')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('syncPlatforms is paused'),
  });
  const on = await stack.startWorker(undefined, { PLATFORM_SYNC_ENABLED: true });
  const found = await eventually('the Schedule', () =>
    answerHere(env, 'sync', 'platforms', '--tenant', 'acme').catch(() => null),
  );
  await on.stop();
  expect(found).toMatchObject({
    left: 0,
    results: [{ account_id: id, provider: 'meta', channel: 'messenger', outcome: 'ok', reason: null, messages: 0 }],
  });
}, 120_000);
