import pg from 'pg';

/** A lock that one process of the installation holds while its connection lives. */
export interface AdvisoryLock {
  /** Takes the lock where it is free; false while another process holds it. Throws PostgreSQL's error. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

/** In seconds, and a count. Without keep-alives the lock outlives a vanished host by two hours. */
const keepAlive = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2';
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
      options: keepAlive,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    // Without a listener, a lost connection ends the process.
    client.on('error', () => void drop(client));
    try {
      await client.connect();
      const key = `lock/${name}`;
      const { rows } = await client.query<{ locked: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
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
