import pg from 'pg';

/** A lock that at most one process of the installation holds, for as long as its own connection lives. */
export interface AdvisoryLock {
  /** Whether this process holds the lock; takes it where it is free. Throws PostgreSQL's error when it does not answer. */
  hold(): Promise<boolean>;
  /** Gives the lock up. */
  release(): Promise<void>;
}

/**
 * Without these a lock would outlive a host that vanished: PostgreSQL would wait for its connection for two hours. In
 * seconds, and a count.
 */
const keepAlive = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2';
/** How long PostgreSQL may take for an answer, in milliseconds. */
const timeoutMs = 5_000;

/** A lock by its name, in the database behind `url`. */
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
    // Without a listener the loss of the connection would end the process.
    client.on('error', () => void drop(client));
    try {
      await client.connect();
      const key = `lock/${name}`;
      const { rows } = await client.query<{ held: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as held',
        [key],
      );
      if (rows[0]?.held) holder = client;
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
