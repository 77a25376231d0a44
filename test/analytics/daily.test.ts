import { newId } from '../../platform/ids.ts';
import { claimMarked, countMarked } from '../../services/analytics/count-marked.ts';
import { activate, connect, startTestApi, unique, type TestApi } from '../api/support.ts';
import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { noHome } from '../cli/run.ts';
import type { ApiClient } from '../support/client.ts';
import { testKey } from '../support/key.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ ENCRYPTION_KEY: testKey });
});
afterAll(() => api?.stop());

const count = async (): Promise<void> => {
  const signal = new AbortController().signal;
  const counting = { now: new Date(), isOver: () => false, signal, beat: () => undefined };
  const claim = await claimMarked(api.context, counting);
  await countMarked(api.context, claim ?? '', counting);
};
const account = async (client: ApiClient, owner: string, channel = 'whatsapp'): Promise<string> => {
  const credentials = channel === 'linkedin' ? { username: 'a@b.example', password: 'correct horse' } : undefined;
  const { account: made } = await connect(client, { provider: 'unipile', channel, owner, credentials });
  await activate(api, made.id, `up-${unique()}`);
  return made.id;
};
/** A conversation: an incoming message at each of these times, and an answer so many seconds after each. */
const talk = (accountId: string, times: readonly string[], answerAfter?: number): Promise<unknown> =>
  api.context.db.system((em) =>
    seedMessages(em, accountId, (to) => {
      const conversation = to.conversation({});
      for (const time of times) {
        const sentAt = new Date(time);
        to.message(conversation, { sentAt });
        if (answerAfter !== undefined)
          to.message(conversation, { sentAt: new Date(sentAt.getTime() + answerAfter * 1_000), direction: 'out' });
      }
    }),
  );
const daily = async (client: ApiClient, query: string): Promise<any> => {
  const { status, body } = await client.get(`/api/v1/analytics/daily?${query}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
};

describe('GET /analytics/daily', () => {
  let client: ApiClient;
  let ids: string[];
  beforeAll(async () => {
    client = await api.clientOf('analytics');
    ids = [await account(client, 'maya'), await account(client, 'maya'), await account(client, 'noa', 'linkedin')];
    const [one = '', two = '', three = ''] = ids;
    await talk(one, ['2026-05-04T08:00:00Z', '2026-05-05T08:00:00Z'], 60);
    await talk(one, ['2026-05-04T09:00:00Z']);
    await talk(two, ['2026-05-04T08:00:00Z'], 600);
    await talk(two, ['2026-05-04T08:00:00Z'], 120);
    await talk(three, ['2026-05-04T10:00:00Z', '2026-05-01T10:00:00Z'], 30);
    await count();
  });
  const period = 'from=2026-05-04&to=2026-05-05';

  it('D10: answers figures by day, channel and owner; numbers of several accounts add up, percentiles are of all answers', async () => {
    const { items, totals, previous, time_zone, waiting_since } = await daily(client, period);
    expect(items).toEqual([
      expect.objectContaining({
        date: '2026-05-04',
        channel: 'linkedin',
        owner: 'noa',
        messages_total: 2,
        conversations: 1,
      }),
      expect.objectContaining({
        date: '2026-05-04',
        channel: 'whatsapp',
        owner: 'maya',
        account_id: null,
        messages_total: 7,
        messages_incoming: 4,
        messages_outgoing: 3,
        conversations: 4,
        conversations_answered: 3,
        conversations_unanswered: 1,
        first_response_median_seconds: 120,
        first_response_p90_seconds: 504,
      }),
      expect.objectContaining({ date: '2026-05-05', owner: 'maya', messages_total: 2, conversations: 1 }),
    ]);
    // The conversation that has messages on both days is one.
    expect(totals).toMatchObject({ from: '2026-05-04', to: '2026-05-05', messages_total: 11, conversations: 5 });
    expect(previous).toMatchObject({ from: '2026-05-02', to: '2026-05-03', messages_total: 0, conversations: 0 });
    expect(previous.first_response_median_seconds).toBeNull();
    expect((await daily(client, 'from=2026-05-03&to=2026-05-04')).previous).toMatchObject({ messages_total: 2 });
    expect([time_zone, waiting_since]).toEqual(['UTC', null]);
  });

  it('filters by owner, channel and account, groups otherwise, and pages', async () => {
    expect((await daily(client, `${period}&owner=noa`)).totals.messages_total).toBe(2);
    expect((await daily(client, `${period}&channel=whatsapp`)).totals.messages_total).toBe(9);
    const ofOne = await daily(client, `${period}&account=${ids[1]}&by=account`);
    expect(ofOne.items).toEqual([expect.objectContaining({ account_id: ids[1], owner: 'maya', messages_total: 4 })]);
    const all = await daily(client, `${period}&by=none`);
    expect(all.items.map(({ date, channel, messages_total: n }: any) => [date, channel, n])).toEqual([
      ['2026-05-04', null, 9],
      ['2026-05-05', null, 2],
    ]);
    const pages: any[] = [];
    for (let next = ''; ;) {
      const page = await daily(client, `${period}&by=account&limit=1${next && `&cursor=${next}`}`);
      expect(page.totals === null).toBe(next !== '');
      pages.push(...page.items);
      if (!page.next_cursor) break;
      next = page.next_cursor;
    }
    expect(pages).toEqual((await daily(client, `${period}&by=account`)).items);
    expect(pages).toHaveLength(4);
    expect((await daily(client, `${period}&totals=false`)).totals).toBeNull();
  });

  it('follows the owner of an account, also for earlier days', async () => {
    const other = await api.clientOf('moves');
    const id = await account(other, 'before');
    await talk(id, ['2026-05-04T08:00:00Z']);
    await count();
    await api.context.db.system((em) => runSql(em, "update accounts set owner = 'after' where id = ?", [id]));
    expect((await daily(other, period)).items).toEqual([
      expect.objectContaining({ owner: 'after', messages_total: 1 }),
    ]);
  });

  it('follows a change of the time zone, and says since when changes wait to be counted', async () => {
    const other = await api.clientOf('zones');
    await talk(await account(other, 'maya'), ['2026-05-04T20:00:00Z']);
    await count();
    await other.patch('/api/v1/tenant', { time_zone: 'Asia/Tokyo' });
    expect((await daily(other, period)).waiting_since).toEqual(expect.stringMatching(/^20/));
    await count();
    expect((await daily(other, period)).items).toEqual([expect.objectContaining({ date: '2026-05-05' })]);
  });

  it('answers CSV: every row, quoted as RFC 4180 says', async () => {
    const other = await api.clientOf('csv');
    const id = await account(other, 'Maya, "the boss"');
    await talk(id, ['2026-05-04T08:00:00Z'], 45);
    await count();
    const { status, body } = await other.get(`/api/v1/analytics/daily?${period}&format=csv`);
    expect(status).toBe(200);
    const lines = String(body).split('\r\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^date,channel,owner,account_id,messages_total,messages_incoming,/);
    expect(lines[1]).toMatch(/^2026-05-04,whatsapp,"Maya, ""the boss""",,2,1,1,0,1,1,0,45,45,/);
  });

  it('refuses periods that are none, and knows no account of another tenant', async () => {
    const refused = async (query: string): Promise<unknown> => {
      const { status, body } = await client.get(`/api/v1/analytics/daily?${query}`);
      return [status, body.code];
    };
    for (const query of ['from=2026-05-05&to=2026-05-04', 'from=2020-01-01&to=2026-01-01'])
      expect(await refused(query)).toEqual([422, 'invalid_request']);
    for (const query of ['from=yesterday', 'format=xml', 'by=week', 'cursor=e30', 'color=red'])
      expect((await client.get(`/api/v1/analytics/daily?${query}`)).status).toBe(422);
    const other = await api.clientOf('stranger');
    expect((await other.get(`/api/v1/analytics/daily?account=${ids[0]}`)).status).toBe(404);
    expect((await client.get(`/api/v1/analytics/daily?account=${newId()}`)).status).toBe(404);
    expect((await daily(other, period)).items).toEqual([]);
  });

  it('patchbay analytics shows the same', async () => {
    const env = { ...noHome, DATABASE_URL: api.database.url, ENCRYPTION_KEY: testKey };
    const asked = ['analytics', 'daily', '--tenant', 'analytics', '--from', '2026-05-04', '--to', '2026-05-05'];
    const { items, totals } = await daily(client, period);
    expect(await answerHere(env, ...asked)).toEqual({ items, totals });
    const { stdout } = await patchbayHere(env, ...asked);
    expect(stdout.split('\n')).toHaveLength(6);
    expect(stdout).toContain('all days');
    expect(await patchbayHere(env, ...asked.slice(0, 4), '--from', 'May')).toMatchObject({ code: 2 });
  });

  it("operators read every tenant's figures by SQL, and a tenant its own", async () => {
    const found = await api.context.db.system((em) =>
      runSql<any>(
        em,
        `select sum(messages_total)::int as n, count(distinct tenant_id)::int as tenants from daily_analytics
         where date between '2026-05-04' and '2026-05-05'`,
      ),
    );
    expect(found[0].tenants).toBeGreaterThan(1);
    const { id } = (await client.get('/api/v1/accounts?owner=noa')).body.items[0];
    const [row] = await api.context.db.system((em) =>
      runSql<any>(
        em,
        `select owner, first_response_median_seconds as median from daily_analytics
         where account_id = ? and date = '2026-05-04'`,
        [id],
      ),
    );
    expect(row).toEqual({ owner: 'noa', median: 30 });
  });
});
