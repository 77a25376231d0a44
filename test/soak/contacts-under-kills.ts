import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';

/** The worker is killed after the run's next page, the others at any moment. */
const parts = ['worker', 'postgres', 'temporal'] as const;
/** The longest time without a next page, and from the last kill to the end, in milliseconds. */
const limitMs = 120_000;

/** Syncs one address book while the stack's parts are killed; answers the assertions' results. */
export async function contactsUnderKills(size: number, kills: number, report: (text: string) => void): Promise<Row[]> {
  const real = await startRealStack({ SYNC_HEARTBEAT_SECONDS: '3' });
  try {
    const { id, entries } = await connect(real, size);
    const run = async (): Promise<any> =>
      (
        await query(real, `select * from sync_runs where account_id = $1 and kind = 'contacts' order by id limit 1`, [
          id,
        ])
      )?.[0];
    let from: string | null = null;
    let killed = 0;
    for (; killed < kills; killed += 1) {
      const seen = await eventually(
        'the next page',
        async () => {
          const now = await run();
          const further = now?.cursor !== null && (now?.cursor !== from || killed % parts.length !== 0);
          return now && (now.state !== 'running' || further) ? now : null;
        },
        limitMs,
      );
      if (seen.state !== 'running') break;
      from = seen.cursor;
      await real.kill(parts[killed % parts.length] ?? 'worker');
    }
    report(`an address book of ${size} people was read through ${killed} kills`);
    const ended = await eventually(
      'the end of the sync',
      async () => {
        const now = await run();
        return now && now.state !== 'running' ? now : null;
      },
      limitMs,
    );
    const people = (await query(real, 'select count(*)::int as n from contacts where account_id = $1', [id]))?.[0]?.n;
    const pages = (await query(real, 'select count(*)::int as n from sync_pages', []))?.[0]?.n;
    const asked = await real.control.count('GET', '/api/contacts');
    const { inserted, updated, unchanged, failed_updates: failed, total_fetched: fetched } = ended.stats;
    const counts = `${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${failed} failed of ${fetched}`;
    const right = `${size} inserted, 0 updated, 0 unchanged, 0 failed of ${entries}`;
    return [
      row('address book: kills while it was read', String(kills), String(killed)),
      row('address book: the run', 'succeeded', ended.state),
      row('address book: people in the database', String(size), String(people)),
      row('address book: counts of the run', right, counts),
      row('address book: records left of its pages', '0', String(pages)),
      {
        what: 'address book: fetched once, and once more after a kill at most',
        expected: `≤ ${1 + killed}`,
        found: String(asked),
        ok: asked <= 1 + killed,
      },
    ];
  } finally {
    await real.stop();
  }
}

const row = (what: string, expected: string, found: string): Row => ({ what, expected, found, ok: found === expected });

/** Connects a number whose address book lists some people more than once. */
async function connect(real: RealStack, size: number): Promise<{ id: string; entries: number }> {
  const { body } = await real.api.post('/api/v1/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'kim',
    credentials: { phone_number: '+33639984001' },
  });
  const id = body.account.id;
  const session = (await real.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  await real.control.put('/variants', { provider: 'wasender', name: 'list_lids', value: true });
  const people = { size, seed: 'kills', near_duplicates: 0.02, far_duplicates: 0.02, lid_twins: 0.02 };
  const { entries } = await real.control.put('/address-book', { session, ...people });
  await real.control.post('/scan', { session });
  return { id, entries };
}

/** Rows of a query with the operators' login; null while PostgreSQL is down. */
async function query(real: RealStack, sql: string, params: unknown[]): Promise<any[] | null> {
  const client = new pg.Client({ connectionString: real.stack.describe().database_url });
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
