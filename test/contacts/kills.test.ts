import { Client } from 'pg';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';

const size = 10_000;
/** Parts that are killed one after the other, each once the run has come a page further. */
const order = ['worker', 'postgres', 'temporal'] as const;
const kills = Number(process.env.PATCHBAY_KILLS ?? 3);

let real: RealStack;
beforeAll(async () => {
  real = await startRealStack({ SYNC_HEARTBEAT_SECONDS: '3' });
}, 300_000);
afterAll(() => real?.stop(), 60_000);

/** Rows by SQL as operators ask; null while PostgreSQL is away. */
async function query(sql: string, params: unknown[]): Promise<any[] | null> {
  const client = new Client({ connectionString: real.stack.describe().database_url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql, params)).rows;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

it('reads an address book exactly once while worker, PostgreSQL and Temporal are killed', async () => {
  const { body } = await real.api.post('/api/v1/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'kim',
    credentials: { phone_number: '+33639984001' },
  });
  const id = body.account.id;
  const session = (await real.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  await real.control.put('/variants', { provider: 'wasender', name: 'list_lids', value: true });
  const book = { size, seed: 'kills', near_duplicates: 0.02, far_duplicates: 0.02, lid_twins: 0.02 };
  const { entries } = await real.control.put('/address-book', { session, ...book });
  await real.control.post('/scan', { session });

  const run = async (): Promise<any> =>
    (await query(`select * from sync_runs where account_id = $1 and kind = 'contacts' order by id limit 1`, [id]))?.[0];
  let from: string | null = null;
  let killed = 0;
  for (; killed < kills; killed += 1) {
    const seen = await eventually('the next page', async () => {
      const now = await run();
      return now && (now.state !== 'running' || (now.cursor !== null && now.cursor !== from)) ? now : null;
    });
    if (seen.state !== 'running') break;
    from = seen.cursor;
    await real.kill(order[killed % order.length] ?? 'worker');
  }
  expect(killed).toBe(kills);
  const ended = await eventually(
    'the end of the sync',
    async () => {
      const now = await run();
      return now && now.state !== 'running' ? now : null;
    },
    120_000,
  );

  const people = (await query('select count(*)::int as n from contacts where account_id = $1', [id]))?.[0].n;
  expect(ended).toMatchObject({
    state: 'succeeded',
    stats: { inserted: people, updated: 0, unchanged: 0, failed_updates: 0, total_fetched: entries },
  });
  expect(people).toBe(size);
  // The book is asked for once, and once more after each kill at most.
  expect(await real.control.count('GET', '/api/contacts')).toBeLessThanOrEqual(1 + killed);
  expect(await query('select 1 from sync_pages', [])).toEqual([]);
}, 400_000);
