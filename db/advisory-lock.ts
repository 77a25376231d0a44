import pg from 'pg';

/**
 * A lock that one process of the installation holds while its connection lives. It belongs to an open transaction, so that
 * a pooler of transactions gives the server's connection to no other client meanwhile.
 */
export interface AdvisoryLock {
  /** Takes the lock where it is free; false while another process holds it. Throws PostgreSQL's error. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

/** The transaction stays open. In seconds, and a count: without keep-alives the lock outlives a vanished host by two hours. */
const begin = `begin; select set_config('idle_in_transaction_session_timeout', '0', true),
  set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '5', true),
  set_config('tcp_keepalives_count', '2', true)`;
const timeoutMs = 5_000;

export function openAdvisoryLock(url: string, name: string): AdvisoryLock {
  let holder: pg.Client | null = null;

  const drop = async (client: pg.Client): Promise<void> => {
    if (holder === client) holder = null;
    await client.end().catch(() => undefined);
  };
  const take = async (): Promise<boolean> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: `patchbay_${name}`,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    // Without a listener the loss of the connection would end the process.
    client.on('error', () => void drop(client));
    try {
      await client.connect();
      await client.query(begin);
      const key = `lock/${name}`;
      const { rows } = await client.query<{ locked: boolean }>(
        'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
        [key],
      );
      if (rows[0]?.locked) holder = client;
      return holder === client;
    } finally {
      if (holder !== client) await drop(client);
    }
  };
  return {
    hold: async () => {
      const client = holder;
      if (!client) return take();
      try {
        await client.query('select 1');
        return holder === client;
      } catch (error) {
        await drop(client);
        throw error;
      }
    },
    release: async () => {
      if (holder) await drop(holder);
    },
  };
}
