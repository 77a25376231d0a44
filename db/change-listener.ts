import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Changes } from '../platform/changes.ts';
import { newId } from '../platform/ids.ts';
import type { Database } from './connect.ts';
import { rows, sql } from './sql.ts';

/** As in the triggers that announce. */
const channel = 'patchbay_changes';
const connectMs = 5_000;
/** How often the way from an announcement to its arrival is tried, and how long it may take, in milliseconds. */
const probe = { everyMs: 30_000, withinMs: 3_000 };
/** The shortest and the longest pause before the next connection, in milliseconds. */
const retryMs = { least: 250, most: 30_000 };

export interface ChangeListener {
  close(): Promise<void>;
}

interface ListenerOptions {
  url: string;
  db: Pick<Database, 'system'>;
  changes: Pick<Changes, 'announce' | 'setLive'>;
  /** Told when announcements begin to arrive, and when they do not, with the cause. */
  onState(live: boolean, cause?: unknown): void;
}

/**
 * Keeps one connection that listens for changes, and connects again whenever it is lost. A pooler of transactions takes
 * `LISTEN` and delivers nothing, so changes count as announced only once a probe sent through the pool has arrived.
 */
export function listenForChanges({ url, db, changes, onState }: ListenerOptions): ChangeListener {
  const stopped = new AbortController();
  const keepListening = async (): Promise<void> => {
    let restMs = retryMs.least;
    let reported: boolean | null = null;
    const report = (live: boolean, cause?: unknown): void => {
      if (live === reported) return;
      reported = live;
      changes.setLive(live);
      onState(live, cause);
    };
    const begun = (): void => {
      restMs = retryMs.least;
      report(true);
    };
    while (!stopped.signal.aborted) {
      const cause: unknown = await listen(url, db, changes, begun, stopped.signal).catch((error: unknown) => error);
      if (stopped.signal.aborted) break;
      report(false, cause);
      await pause(restMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      restMs = Math.min(restMs * 2, retryMs.most);
    }
  };
  const ended = keepListening();
  return {
    close: async () => {
      stopped.abort();
      await ended;
    },
  };
}

/** Listens until the connection fails or `signal` fires, and throws then. `begun` runs once the first probe has arrived. */
async function listen(
  url: string,
  db: ListenerOptions['db'],
  changes: ListenerOptions['changes'],
  begun: () => void,
  signal: AbortSignal,
): Promise<never> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'patchbay_changes',
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
    keepAlive: true,
  });
  const over = new AbortController();
  const lost = new Promise<never>((_resolve, reject) => {
    client.on('error', reject).once('end', () => reject(new Error('the connection has ended')));
    signal.addEventListener('abort', () => reject(new Error('stopped')), { signal: over.signal });
  });
  const probes = new Map<string, () => void>();
  client.on('notification', ({ payload = '' }) => (probes.get(payload) ?? (() => changes.announce(payload)))());

  /** Throws where a probe was sent and did not arrive. */
  const tryWay = async (): Promise<void> => {
    const payload = `probe/${newId()}`;
    const arrived = new Promise<true>((resolve) => probes.set(payload, () => resolve(true)));
    try {
      await db.system((em) => rows(em, sql`select pg_notify(${channel}, ${payload})`));
      const late = pause(probe.withinMs, false, { signal: over.signal });
      if (!(await Promise.race([arrived, late]))) throw new Silent('announcements do not arrive');
    } finally {
      probes.delete(payload);
    }
  };
  const stay = async (): Promise<never> => {
    await client.connect();
    await client.query(`listen ${channel}`);
    await tryWay();
    begun();
    for (;;) {
      await pause(probe.everyMs, undefined, { signal: over.signal });
      // A probe that could not be sent says nothing of this connection.
      await tryWay().catch((error: unknown) => {
        if (error instanceof Silent) throw error;
      });
    }
  };
  try {
    return await Promise.race([stay(), lost]);
  } finally {
    over.abort();
    void client.end().catch(() => undefined);
  }
}

/** Announcements are sent and do not arrive. */
class Silent extends Error {}
