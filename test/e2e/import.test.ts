import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
beforeEach(() => stack.control.post('/reset'));
afterAll(() => stack?.stop());

/** An account that another client made at the provider. */
async function foreign(phone: string, status?: string): Promise<string> {
  const { account_id: id } = await stack.providerPost('/accounts', { provider: 'WHATSAPP' });
  await stack.control.post('/scan', { account_id: id, phone });
  if (status) await stack.control.post('/drop', { account_id: id, status });
  return id;
}
const bring = async (body: object = {}, client = stack.api): Promise<any> =>
  (await client.post('/api/v1/accounts/import', { provider: 'unipile', owner: 'maya', ...body })).body;
const outcomes = ({ items }: any): Record<string, string> =>
  Object.fromEntries(items.map((one: any) => [one.provider_account_id, one.outcome]));
/** Calls that change something at the provider. */
const changes = async (): Promise<string[]> =>
  (await stack.control.get('/calls'))
    .filter(({ method }: any) => method !== 'GET')
    .map(({ method, route }: any) => `${method} ${route}`);

describe('F1: accounts that already live at the provider', () => {
  it('are listed by a dry run, which changes nothing', async () => {
    const id = await foreign('+33639980501');
    const before = (await stack.api.get('/api/v1/accounts?limit=200')).body.items.length;
    expect(outcomes(await bring({ dry_run: true }))).toEqual({ [id]: 'would_import' });
    expect((await stack.api.get('/api/v1/accounts?limit=200')).body.items).toHaveLength(before);
  });

  it('are imported with their details, without a change at the provider; a second import finds them connected', async () => {
    const [id, other] = [await foreign('+33639980502'), await foreign('+33639980503')];
    await stack.control.delete('/calls');
    const { items } = await bring({ provider_account_ids: [id] });
    expect(items).toEqual([expect.objectContaining({ provider_account_id: id, outcome: 'imported' })]);
    const account = await stack.api.account(items[0].account_id, 'active');
    expect(account).toMatchObject({ owner: 'maya', provider_account_id: id, identity: '+33639980502' });
    expect(account.connection_config.phone_number).toBe('+33639980502');
    expect(await changes()).toEqual([]);
    expect(outcomes(await bring({ dry_run: true }))).toEqual({ [id]: 'already_connected', [other]: 'would_import' });
  });

  it('wait for their owner when their login was lost', async () => {
    const id = await foreign('+33639980504', 'CREDENTIALS');
    const { items } = await bring();
    expect(await stack.api.account(items[0].account_id, 'reconnect_required')).toMatchObject({
      reason: 'login_lost',
      who: 'owner',
      provider_account_id: id,
    });
    expect((await stack.provider('GET', `/accounts/${id}`)).status).toBe(200);
  });

  it('are revived when that needs no owner', async () => {
    await foreign('+33639980505', 'ERROR');
    const { items } = await bring();
    await stack.api.account(items[0].account_id, 'active');
  });

  it('are skipped when their identity is connected already', async () => {
    const first = await foreign('+33639980506');
    const { items } = await bring();
    await stack.api.account(items[0].account_id, 'active');
    const twin = await foreign('+33639980506');
    expect(outcomes(await bring())).toEqual({ [first]: 'already_connected', [twin]: 'same_identity' });
    expect((await stack.provider('GET', `/accounts/${twin}`)).status).toBe(200);
  });

  it('are named when they are unfinished or do not exist', async () => {
    const { account_id: open } = await stack.providerPost('/accounts', { provider: 'WHATSAPP' });
    const answer = await bring({ provider_account_ids: [open, 'made-up'] });
    expect(outcomes(answer)).toEqual({ [open]: 'unfinished', 'made-up': 'not_found' });
  });

  it('are imported once by two concurrent imports', async () => {
    const id = await foreign('+33639980507');
    const answers = await Promise.all([bring(), bring(), bring()]);
    const found = answers.map((answer) => outcomes(answer)[id]).sort((a = '', b = '') => a.localeCompare(b));
    expect(found).toEqual(['already_connected', 'already_connected', 'imported']);
  });

  it("under shared credentials are for operators only; another tenant's account id is not returned", async () => {
    const id = await foreign('+33639980508');
    const { items } = await bring();
    await stack.api.account(items[0].account_id, 'active');
    const admin = await stack.client('the-neighbours', ['read', 'write', 'admin']);
    expect(await bring({}, admin)).toMatchObject({ code: 'missing_scope' });
    const operator = await stack.client('the-neighbours');
    const seen = (await bring({}, operator)).items;
    expect(seen).toEqual([
      expect.objectContaining({ provider_account_id: id, outcome: 'already_connected', account_id: null }),
    ]);
  });

  it('are requested again when the provider does not answer', async () => {
    await foreign('+33639980509');
    await stack.control.put('/faults', { provider: 'unipile', rate_500: 1 });
    const { status, body, headers } = await stack.api.post('/api/v1/accounts/import', { provider: 'unipile' });
    await stack.control.put('/faults', { provider: 'unipile' });
    expect([status, body.code]).toEqual([503, 'provider_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
