import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import { startSending, type Sending } from '../messages/sending.ts';

let sending: Sending;
beforeAll(async () => {
  sending = await startSending();
});
afterAll(() => sending?.stop());

const env = (): Record<string, string> => ({
  ...noHome,
  DATABASE_URL: sending.api.database.url,
  ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
});
const cli = (...args: string[]): Promise<any> => answerHere(env(), 'sending', ...args);
const texts = (): string[] => sending.upstream.taken.map(({ text }) => text);

it('M6: the operator stops one tenant or all, also tenants to come, and the tenant cannot lift that', async () => {
  const { client } = sending.api;
  const account = await sending.account();
  expect((await cli('stop', '--tenant', 'ours', '--note', 'Too many complaints')).stops).toMatchObject([
    { reason: 'operator', note: 'Too many complaints' },
  ]);
  const resumed = (await client.post('/api/v1/tenant/resume-sending')).body;
  expect(resumed).toMatchObject({ stopped: true, stops: [{ reason: 'operator' }] });
  expect(resumed.stops[0].what_to_do).toContain('patchbay sending start');
  await sending.send(account.id, 'One');
  await sending.drain(account);
  await cli('stop', '--all');
  // What a worker of the version before looks at, during an upgrade.
  const former = (): Promise<unknown[]> =>
    sending.context.db.system((em) => em.execute('select name from tenants where sending_paused_at is null'));
  expect(await former()).toEqual([]);
  expect((await cli('start', '--tenant', 'ours')).stops).toMatchObject([{ reason: 'operator' }]);
  await sending.drain(account);
  expect(texts()).toEqual([]);
  const late = await sending.api.clientOf('late');
  expect((await late.get('/api/v1/tenant/sending')).body.stopped).toBe(true);
  expect((await cli('status')).stops).toMatchObject([{ tenant: '(all)', reason: 'operator' }]);
  expect(await cli('start', '--all')).toEqual({ stops: [] });
  expect((await former()).length).toBeGreaterThan(1);
  await sending.drain(account);
  expect(texts()).toEqual(['One']);
  expect(await cli('status')).toEqual({ paused: 0, stops: [] });
});

it('M6: a stop stays when what a restore paused is resumed', async () => {
  const { client } = sending.api;
  await client.post('/api/v1/tenant/stop-sending');
  await sending.context.db.system((em) =>
    em.execute(
      `insert into sending_stops (id, tenant_id, reason, since) select gen_random_uuid(), id, 'restored', now() from tenants where name = 'ours'`,
    ),
  );
  const reasons = async (): Promise<string[]> =>
    (await client.get('/api/v1/tenant/sending')).body.stops.map(({ reason }: any) => reason);
  expect((await reasons()).toSorted()).toEqual(['restored', 'tenant']);
  await client.post('/api/v1/tenant/resume-sending');
  expect(await reasons()).toEqual(['restored']);
  await client.post('/api/v1/tenant/stop-sending');
  await sending.context.db.system((em) => em.execute(`delete from sending_stops where reason = 'restored'`));
  expect(await reasons()).toEqual(['tenant']);
  await client.post('/api/v1/tenant/resume-sending');
});

it.each([
  [['stop'], 'name one of'],
  [['stop', '--all', '--tenant', 'ours'], 'name one of'],
  [['start'], 'name one of'],
])('wrong usage is one clear line: sending %j', async (args, line) => {
  const { code, stderr } = await patchbayHere(env(), 'sending', ...args);
  expect([code, stderr.includes(line)]).toEqual([2, true]);
});
