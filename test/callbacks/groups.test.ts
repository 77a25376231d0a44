import { replayEvent } from '../../services/webhooks/replay-event.ts';
import { eventually } from '../support/eventually.ts';
import { startPagelinkStack, type PagelinkStack } from '../providers/fourth-provider/stack.ts';

let stack: PagelinkStack;
beforeAll(async () => {
  stack = await startPagelinkStack();
});
afterAll(() => stack?.stop());

const eventsOf = (type: string) =>
  stack.query('select * from webhook_events where type = ? order by id', [type]) as Promise<
    { id: string; account_id: string | null; provider_account_id: string | null; state: string; deliveries: number }[]
  >;

describe('an event of a group', () => {
  it('is an event of every account of the group under these credentials, each once', async () => {
    const ids = [await stack.connected('g-1', 'ana'), await stack.connected('g-2', 'ana')];
    await stack.connected('g-3', 'ben');
    expect((await stack.account(ids[0]!)).providerGroups).toEqual(['user:ana']);
    const entry = { id: 'user:ana', change: 'renamed' };
    expect(await (await stack.event(entry)).json()).toEqual({ received: 2 });
    const stored = await eventsOf('renamed');
    expect(new Set(stored.map((one) => one.account_id))).toEqual(new Set(ids));
    expect(new Set(stored.map((one) => one.provider_account_id))).toEqual(new Set(['g-1', 'g-2']));
    expect(stored.map((one) => one.state)).toEqual(['processed', 'processed']);
    // Sent again, and beside another one.
    expect(await (await stack.event(entry, { id: 'g-3', change: 'renamed' })).json()).toEqual({ received: 3 });
    const again = await eventsOf('renamed');
    expect(again).toHaveLength(3);
    expect(again.map(({ deliveries }) => deliveries)).toEqual([2, 2, 1]);
  });

  it('has its effect in each: a message is one message of every account', async () => {
    const ids = [await stack.connected('m-1', 'maya'), await stack.connected('m-2', 'maya')];
    await stack.event({ id: 'user:maya', change: 'hello there' });
    for (const id of ids) {
      const { body } = await stack.api.get(`/api/v1/conversations?account=${id}`);
      expect(body.items).toHaveLength(1);
      const [{ text }] = (await stack.api.get(`/api/v1/conversations/${body.items[0].id}/messages`)).body.items;
      expect(text).toBe('hello there');
    }
  });

  it('of no account is unmatched, and can be replayed once there is one', async () => {
    await stack.event({ id: 'user:cleo', change: 'hello early' });
    const [early] = await eventsOf('hello early');
    expect(early).toMatchObject({ state: 'unmatched', account_id: null, provider_account_id: null });
    await replayEvent(stack.worker.context, early!.id);
    expect((await eventsOf('hello early')).map(({ state }) => state)).toEqual(['unmatched']);
    const id = await stack.connected('c-1', 'cleo');
    await replayEvent(stack.worker.context, early!.id);
    const replayed = await eventsOf('hello early');
    expect(replayed.map(({ state, account_id: of }) => [state, of])).toEqual([
      ['processed', null],
      ['processed', id],
    ]);
    expect((await stack.api.get(`/api/v1/conversations?account=${id}`)).body.items).toHaveLength(1);
    await replayEvent(stack.worker.context, replayed[1]!.id);
    expect(await eventsOf('hello early')).toHaveLength(2);
  });

  it('leaves out accounts that are disconnected, and those of other credentials', async () => {
    const other = await stack.client('group-tenant');
    expect((await other.put('/api/v1/providers/pagelink', { app_id: '202', app_secret: 'another' })).status).toBe(200);
    const foreign = await stack.connected('o-1', 'dora', other);
    const gone = await stack.connected('o-2', 'dora');
    const kept = await stack.connected('o-3', 'dora');
    await stack.api.delete(`/api/v1/accounts/${gone}`);
    await stack.api.account(gone, 'disconnected');
    expect((await stack.account(gone)).providerGroups).toEqual(['user:dora']);
    await stack.event({ id: 'user:dora', change: 'left out' });
    expect((await eventsOf('left out')).map((one) => one.account_id)).toEqual([kept]);
    expect((await other.get(`/api/v1/webhook-events?account=${foreign}`)).body.items).toEqual([]);
    await stack.api.delete(`/api/v1/accounts/${gone}?purge=true`);
    await eventually('the purge', async () => (await stack.account(gone)).providerGroups.length === 0);
  });

  it('reaches a thousand accounts at once, and no more', async () => {
    const id = await stack.connected('many-0', 'zoe');
    await stack.query(
      `insert into accounts select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
         'provider_account_id', 'many-' || n, 'identity', 'many-' || n))).* from accounts a, generate_series(1, 1100) n
       where a.id = ?`,
      [id],
    );
    expect(await (await stack.event({ id: 'user:zoe', change: 'told to many' })).json()).toEqual({ received: 1_000 });
    expect(new Set((await eventsOf('told to many')).map((one) => one.account_id)).size).toBe(1_000);
  });
});
