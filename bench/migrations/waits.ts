import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Statements that stay right while the schema changes, of one row each. */
const statements = {
  accounts: 'update accounts set label = label where id = $1',
  contacts: 'update contacts set name = name where id = $1',
  connection_attempts: 'update connection_attempts set detail = detail where id = $1',
  webhook_events: 'update webhook_events set error = error where id = $1',
};
type Table = keyof typeof statements;
/** Between two statements of a session, in milliseconds. */
const pauseMs = 20;

/** Sessions that write rows of the large tables, one each. */
export interface Waits {
  /** Ends them; answers how long the slowest statement on each table took, in milliseconds. */
  stop(): Promise<Map<Table, number>>;
}

export async function measureWaits(url: string): Promise<Waits> {
  const longest = new Map<Table, number>();
  let stopped = false;
  const session = async (table: Table): Promise<void> => {
    const client = new pg.Client({ connectionString: url, options: '-c role=patchbay_system' });
    await client.connect();
    try {
      const { rows } = await client.query<{ id: string }>(`select id from ${table} limit 1`);
      while (!stopped) {
        const started = performance.now();
        await client.query(statements[table], [rows[0]?.id]);
        longest.set(table, Math.max(longest.get(table) ?? 0, performance.now() - started));
        await sleep(pauseMs);
      }
    } finally {
      await client.end();
    }
  };
  const sessions = Promise.all((Object.keys(statements) as Table[]).map(session));
  sessions.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await sessions;
      return longest;
    },
  };
}
