import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import { startOutgoing, takenBy, type Outgoing } from './fixture.ts';

let outgoing: Outgoing;
let env: Record<string, string>;
beforeAll(async () => {
  outgoing = await startOutgoing();
  const { DATABASE_URL, ENCRYPTION_KEY, PUBLIC_URL } = outgoing.api.context.config;
  const TEMPORAL_ADDRESS = required('PATCHBAY_TEST_TEMPORAL_ADDRESS');
  env = { ...noHome, DATABASE_URL, ENCRYPTION_KEY, PUBLIC_URL, TEMPORAL_ADDRESS };
});
afterAll(() => outgoing?.stop());

const ask = (...args: string[]): Promise<any> => answerHere(env, ...args, '--tenant', 'ours');

describe('patchbay endpoints and deliveries', () => {
  it('make an endpoint, test, change, rotate, list and delete it', async () => {
    const application = await outgoing.application();
    const made = await ask('endpoints', 'create', application.url, '--type', 'sync.ended', '--header', 'x-team: sales');
    expect(made).toMatchObject({ url: application.url, types: 'sync.ended', state: 'active' });
    expect(made.secret).toMatch(/^whsec_/);
    expect(await ask('endpoints', 'test', made.id)).toMatchObject({ status: 204, error: null });
    expect(application.got[0]?.headers['x-team']).toBe('sales');
    expect((await ask('endpoints', 'rotate', made.id, '--overlap', '1')).secret).not.toBe(made.secret);
    expect(await ask('endpoints', 'update', made.id, '--disable')).toMatchObject({ state: 'disabled' });
    expect((await ask('endpoints', 'list')).map(({ id }: any) => id)).toEqual([application.endpoint, made.id]);
    expect(await ask('endpoints', 'delete', made.id)).toEqual({ id: made.id });
    expect(await ask('endpoints', 'list')).toHaveLength(1);
  });

  it('list deliveries and deliver them again', async () => {
    const chats = await outgoing.conversations(2);
    const application = await outgoing.application({ types: ['conversation.updated'] });
    await outgoing.change(chats);
    await takenBy(application, chats, 1);
    const list = ['deliveries', 'list', '--endpoint', application.endpoint, '--state', 'delivered'];
    const delivered = await eventually('the outcomes', async () => {
      const found = await ask(...list);
      return found.length === 2 ? found : null;
    });
    expect(delivered[0]).toMatchObject({ type: 'conversation.updated', status: 204, tries: 1 });
    expect(await ask(...list, '--limit', '1', '--cursor', delivered[0].id)).toEqual([delivered[1]]);
    expect(await ask(...list, '--to', '2020-01-01T00:00:00Z')).toEqual([]);
    expect(await ask('deliveries', 'replay', delivered[0].id)).toMatchObject([{ event: delivered[0].event }]);
    await eventually('the repeat', async () => application.got.length === 3);
    await eventually('its outcome', async () => (await ask(...list)).length === 2);
    const all = ['endpoints', 'replay', application.endpoint, '--state', 'all', '--from', '2020-01-01T00:00:00Z'];
    expect(await ask(...all)).toEqual({ replayed: 2 });
    await eventually('all again', async () => application.got.length === 5);
    expect(new Set(application.got.map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    [2, ['endpoints', 'create', 'https://app.example', '--type', 'nothing']],
    [2, ['endpoints', 'create', 'https://app.example', '--header', 'x-team']],
    [2, ['endpoints', 'rotate', 'x', '--overlap', '1000']],
    [2, ['deliveries', 'list', '--from', 'yesterday']],
    [1, ['endpoints', 'create', 'ftp://app.example']],
    [1, ['endpoints', 'test', 'none']],
    [1, ['deliveries', 'replay', 'none']],
  ])('end with %i for what is wrong: %j', async (code, args) => {
    expect(await patchbayHere(env, ...args, '--tenant', 'ours')).toMatchObject({ code, stdout: '' });
  });
});
