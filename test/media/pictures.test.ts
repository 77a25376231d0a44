import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
let account: string;
let upstream: string;
beforeAll(async () => {
  stack = await startTestStack();
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'whatsapp',
    owner: 'maya',
  });
  account = body.account.id;
  await stack.api.step(account, 'qr');
  upstream = await upstreamOf(stack.api, account);
  await stack.control.put('/address-book', { account_id: upstream, size: 40, seed: 'pictures' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(account, 'active');
  await eventually('the history', async () => {
    const { body: runs } = await stack.api.get(`/api/v1/accounts/${account}/syncs?kind=conversations&limit=1`);
    return runs.items[0]?.state === 'succeeded';
  });
});
afterAll(() => stack?.stop());
afterEach(() => stack.control.put('/faults', { provider: 'unipile' }));

const route = 'GET /api/v1/chat_attendees/:id/picture';
const asked = (): Promise<number> => stack.control.count('GET', route.slice(4));
const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.db.system((em) => runSql<any>(em, statement, params));
const get = (path: string) => stack.api.get(`/api/v1${path}`);
/** What is asked of a picture does not depend on the pictures that a test asked for before. */
const unasked = async (owner: 'attendees' | 'conversations', is = 'true'): Promise<string[]> =>
  (
    await query(
      `select id from ${owner} where account_id = ? and picture_source is not null and picture_checked_at is null and ${is}
       order by id`,
      [account],
    )
  ).map(({ id }) => id);

it('C7: the picture of a person is fetched when it is asked for, once, from a stable address', async () => {
  const answers: number[] = [];
  let id = '';
  for (const one of await unasked('attendees')) {
    const before = await asked();
    const { status, headers, body } = await get(`/attendees/${one}/picture`);
    answers.push(status);
    if (status === 404) expect(body.code).toBe('no_picture');
    else
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'image/png',
        'content-disposition': 'inline',
      });
    expect((await asked()) - before).toBe(1);
    await get(`/attendees/${one}/picture`);
    expect((await asked()) - before).toBe(1);
    if (status === 200) id = one;
    if (new Set(answers).size === 2) break;
  }
  expect(answers).toContain(200);
  expect((await get(`/attendees/${id}`)).body.picture_url).toBe(`${stack.api.url}/api/v1/attendees/${id}/picture`);
  const alias = await stack.api.get(`/api/v1/communications/whatsapp/attendees/${id}/picture/`);
  expect([alias.status, alias.headers.get('content-type')]).toEqual([200, 'image/png']);
});

it('the picture of a group is read in the same way', async () => {
  const [id = ''] = await unasked('conversations', "kind = 'group'");
  expect((await get(`/conversations/${id}`)).body.picture_url).toBe(
    `${stack.api.url}/api/v1/conversations/${id}/picture`,
  );
  const { status, headers } = await get(`/conversations/${id}/picture`);
  expect([status, headers.get('content-type')]).toEqual([200, 'image/png']);
  const [person = ''] = (
    await query("select id from conversations where account_id = ? and kind = 'person' limit 1", [account])
  ).map((row) => row.id);
  expect(await get(`/conversations/${person}/picture`)).toMatchObject({ status: 404, body: { code: 'no_picture' } });
});

it('a picture that is a week old is asked for again, and stays where the provider does not answer', async () => {
  const [{ id }] = await query('select id from attendees where picture_media_id is not null limit 1');
  await query("update attendees set picture_checked_at = picture_checked_at - interval '8 days' where id = ?", [id]);
  await stack.control.put('/faults', { provider: 'unipile', route, rate_500: true });
  const before = await asked();
  expect((await get(`/attendees/${id}/picture`)).status).toBe(200);
  expect((await asked()) - before).toBe(1);
});

it('a picture that cannot be asked for now is 503', async () => {
  const [one = ''] = await unasked('conversations', "kind = 'group'");
  await stack.control.put('/faults', { provider: 'unipile', route, rate_500: true });
  expect(await get(`/conversations/${one}/picture`)).toMatchObject({
    status: 503,
    body: { code: 'provider_unavailable' },
  });
});

it('a picture of another tenant is not found', async () => {
  const [{ id }] = await query('select id from attendees where picture_media_id is not null limit 1');
  const other = await stack.client('other');
  expect(await other.get(`/api/v1/attendees/${id}/picture`)).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
});
