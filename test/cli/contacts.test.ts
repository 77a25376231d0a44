import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { answerHere, patchbayHere } from './in-process.ts';
import { commandEnv, patchbay } from './run.ts';

let stack: TestStack;
let env: Record<string, string>;
let account: string;
let session: string;
const tenant = 'maya-and-co';

beforeAll(async () => {
  stack = await startTestStack();
  env = commandEnv(stack);
  const client = await stack.client(tenant);
  const credentials = { phone_number: '+33639985001' };
  const request = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials };
  account = (await client.post('/api/v1/accounts', request)).body.account.id;
  session =
    (await client.step(account, 'qr')) && (await client.get(`/api/v1/accounts/${account}`)).body.provider_account_id;
  await stack.control.put('/address-book', { session, size: 0, seed: 1 });
  await stack.control.post('/scan', { session });
  await client.account(account, 'active');
  await eventually('the first sync', async () => {
    const { body } = await client.get(`/api/v1/accounts/${account}/syncs?kind=contacts`);
    return body.items[0]?.state === 'succeeded';
  });
  await stack.control.put('/address-book', { session, size: 30, seed: 2, nameless: 0.1, lid_only: 0 });
});
afterAll(() => stack?.stop());

const sync = (...args: string[]): Promise<any[]> =>
  answerHere(env, 'contacts', 'sync', '--tenant', tenant, '--wait', ...args);
const list = (...args: string[]): Promise<any[]> => answerHere(env, 'contacts', 'list', '--tenant', tenant, ...args);

describe('patchbay contacts', () => {
  it('syncs every connected account and reports the outcome', async () => {
    expect(await sync()).toMatchObject([
      { account_id: account, kind: 'contacts', state: 'succeeded', stats: { total_fetched: 30, inserted: 30 } },
    ]);
    const { code, stdout } = await patchbay(
      env,
      'contacts',
      'sync',
      '--tenant',
      tenant,
      '--account',
      account,
      '--wait',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^run +account +state +fetched +inserted +updated +unchanged .*\n.* succeeded +30 +0 +0 +30 /,
    );
  });

  it('only starts the sync without --wait', async () => {
    const [run] = await answerHere(env, 'contacts', 'sync', '--tenant', tenant, '--account', account);
    expect(run).toMatchObject({ account_id: account, kind: 'contacts', scope: null });
    await sync();
  });

  it('lists contacts by page, search, account and sync status', async () => {
    const all = await list();
    expect(all).toHaveLength(30);
    expect(await list('--limit', '10', '--cursor', all[9].id)).toEqual(all.slice(10, 20));
    expect(await list('--account', account, '--synced')).toHaveLength(30);
    expect(await list('--no-synced')).toEqual([]);
    expect(await list('--group', 'nobody is in it')).toEqual([]);
    const { id, phone_number: number } = all[3];
    expect((await list('--q', number)).map((one) => one.id)).toEqual([id]);
    const { stdout } = await patchbay(env, 'contacts', '--tenant', tenant, '--q', number);
    expect(stdout).toMatch(new RegExp(`^id +name +number .*\\n${id} .* synced `));
  });

  it('syncs one number, and the numbers of a group', async () => {
    const [first] = await list();
    expect(await sync('--phone', first.phone_number)).toMatchObject([
      { scope: { phone: first.phone_number }, state: 'succeeded', stats: { total_fetched: 1 } },
    ]);
    const client = await stack.client(tenant);
    await client.patch(`/api/v1/contacts/${first.id}`, { groups: ['garage'] });
    expect(await sync('--group', 'garage')).toMatchObject([
      { scope: { group: 'garage' }, state: 'succeeded', stats: { total_fetched: 1 } },
    ]);
    expect((await list('--group', 'garage')).map((one) => one.id)).toEqual([first.id]);
  });

  it('shows a contact with the origins of its fields', async () => {
    const [first] = await list();
    const shown = await answerHere(env, 'contacts', 'show', first.id, '--tenant', tenant);
    expect(shown).toMatchObject({
      ...first,
      provenance: { phone_number: { source: 'provider', provider: 'wasender' } },
    });
    expect(shown.aliases).toContainEqual({ kind: 'jid', value: first.wasender_jid });
    const { code, stdout } = await patchbay(env, 'contacts', 'show', first.id, '--tenant', tenant);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^aliases +.*${first.wasender_jid}`, 'm'));
    expect(stdout).toMatch(/^phone_number +wasender /m);
  });

  it('counts contacts', async () => {
    const counted = await answerHere(env, 'contacts', 'stats', '--tenant', tenant);
    expect(counted).toMatchObject({ total_contacts: 30, synced_contacts: 30, last_sync: expect.stringMatching(/Z$/) });
    expect(counted.contacts_with_names + counted.contacts_without_names).toBe(30);
    const { stdout } = await patchbay(env, 'contacts', 'stats', '--tenant', tenant);
    expect(stdout).toMatch(/^total_contacts +30$/m);
  });

  it("neither lists, shows, counts nor syncs another tenant's contacts", async () => {
    await stack.client('others');
    const [first] = await list();
    expect(await answerHere(env, 'contacts', 'list', '--tenant', 'others')).toEqual([]);
    expect((await patchbayHere(env, 'contacts', 'show', first.id, '--tenant', 'others')).code).toBe(1);
    expect(await answerHere(env, 'contacts', 'stats', '--tenant', 'others')).toMatchObject({ total_contacts: 0 });
    expect((await patchbayHere(env, 'contacts', 'sync', '--tenant', 'others', '--account', account)).code).toBe(1);
  });

  it('ends with 1 and the reason when a sync fails', async () => {
    const nobody = ['contacts', 'sync', '--tenant', tenant, '--account', account, '--phone', '+33639980000', '--wait'];
    const { code, stdout } = await patchbay(env, ...nobody);
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/ failed +.* not_found /) });
  });

  it.each<[string[], RegExp?]>([
    [['contacts', 'sync', '--phone', '+33639985001', '--group', 'garage']],
    [['contacts', 'list', '--limit', 'many']],
    [
      ['contacts', 'sync', '--phone', 'abc'],
      /^patchbay: --phone: is no phone number with its country code\. Give the whole number .+\n$/,
    ],
    [['contacts', 'show']],
    [['accounts', 'import', '--provider', 'nobody']],
    [['accounts', 'import']],
  ])('ends with 2 for wrong arguments: %j', async (args, line = /./) => {
    const { code, stdout, stderr } = await patchbayHere(env, ...args, '--tenant', tenant);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(line);
  });

  it.each([
    [['contacts', 'show', 'none'], /^patchbay: tenant maya-and-co has no contact none: .+\n$/],
    [['contacts', 'list', '--account', 'none'], /^patchbay: .+\n$/],
    [['contacts', 'sync', '--account', 'none'], /^patchbay: .+\n$/],
  ])('ends with 1 and one line for a failure: %j', async (args, line) => {
    expect(await patchbayHere(env, ...args, '--tenant', tenant)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(line),
    });
  });
});

describe('patchbay accounts import', () => {
  it('shows what an import would do, imports, and finds nothing left afterwards', async () => {
    const answer = await fetch(`${stack.config.providers['wasender']?.['base_url']}/whatsapp-sessions`, {
      method: 'POST',
      headers: { authorization: 'Bearer 1|sandbox-pat', 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'Shop',
        phone_number: '+33639985002',
        account_protection: true,
        log_messages: true,
      }),
    });
    const { data }: any = await answer.json();
    await fetch(`${stack.config.providers['wasender']?.['base_url']}/whatsapp-sessions/${data.id}/connect`, {
      method: 'POST',
      headers: { authorization: 'Bearer 1|sandbox-pat' },
    });
    await stack.control.post('/scan', { session: data.id });
    const bring = (...args: string[]): Promise<any[]> =>
      answerHere(env, 'accounts', 'import', '--tenant', tenant, '--provider', 'wasender', '--owner', 'ben', ...args);
    const here = expect.objectContaining({
      provider_account_id: session,
      outcome: 'already_connected',
      account_id: account,
    });
    const theirs = (outcome: string) => expect.objectContaining({ provider_account_id: String(data.id), outcome });
    expect(await bring('--dry-run')).toEqual(expect.arrayContaining([here, theirs('would_import')]));
    const [brought] = await bring('--only', String(data.id));
    expect(brought).toEqual(theirs('imported'));
    const client = await stack.client(tenant);
    expect(await client.account(brought.account_id, 'active')).toMatchObject({
      owner: 'ben',
      identity: '+33639985002',
    });
    expect(await bring()).toEqual(expect.arrayContaining([here, theirs('already_connected')]));
    const { code, stdout } = await patchbay(
      env,
      'accounts',
      'import',
      '--tenant',
      tenant,
      '--provider',
      'wasender',
      '--only',
      '9999',
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/9999 .*not_found/) });
  });
});
