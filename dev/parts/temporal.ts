import { createHmac } from 'node:crypto';
import { searchAttributes } from '../../domain/search-attributes.ts';
import { ensureSearchAttributes } from '../../temporal/search-attributes.ts';
import type { PartSpec } from './supervisor.ts';
import { connect } from '../../temporal/connect.ts';

const SEARCH_ATTRIBUTES = Object.values(searchAttributes).map(({ name }) => name);

const NAMESPACE = 'default';

export type TemporalOptions = {
  cli: string;
  /** Of the server's database file. */
  folder: string;
  port: number;
  /** Null: no UI. */
  ui: { port: number; codecEndpoint: string } | null;
  /** Of one run; by default the server's own limit, 10,000. */
  signalLimit?: number;
  /** False: a crash of the machine may lose data, and no step waits for the disk. */
  sync?: boolean;
};

/** The dev server, with its database in a file. Task queue fairness is off there by default. */
export function temporalSpec({ cli, folder, port, ui, signalLimit, sync = true }: TemporalOptions): PartSpec {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--namespace', NAMESPACE];
  // Relative to the folder: the server takes a path for a URL, in which # and % mean something.
  args.push('--db-filename', 'temporal.db', '--sqlite-pragma', 'journal_mode=WAL');
  if (!sync) args.push('--sqlite-pragma', 'synchronous=OFF');
  args.push('--dynamic-config-value', 'matching.enableFairness=true', '--log-level', 'warn');
  if (signalLimit) args.push('--dynamic-config-value', `history.maximumSignalsPerExecution=${signalLimit}`);
  args.push(...(ui ? ['--ui-port', String(ui.port), '--ui-codec-endpoint', ui.codecEndpoint] : ['--headless']));
  for (const name of SEARCH_ATTRIBUTES) args.push('--search-attribute', `${name}=Keyword`);
  return {
    name: 'temporal',
    program: { binary: cli, args, user: null, stopSignal: 'SIGTERM' },
    env: process.env,
    cwd: folder,
    isReady: () => needSearchAttributes(`127.0.0.1:${port}`),
    readyWithinMs: 60_000,
    graceMs: 3_000,
  };
}

/** The UI requests decrypted payloads there. It sends no credentials: the path is a secret from the encryption key. */
export function codecEndpoint(apiUrl: string, encryptionKey: string): string {
  return `${apiUrl}/codec/${createHmac('sha256', encryptionKey).update('codec-endpoint').digest('hex')}`;
}

/** Search attributes are the last thing that the server sets up before it accepts workflows. */
async function needSearchAttributes(address: string): Promise<true> {
  const connection = await connect({ address, connectTimeout: 2_000 });
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + 2_000, () =>
      connection.operatorService.listSearchAttributes({ namespace: NAMESPACE }),
    );
    const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in (customAttributes ?? {})));
    // A home that an earlier version made: the server registers what it is told with a new database alone.
    if (missing.length < SEARCH_ATTRIBUTES.length) await ensureSearchAttributes(connection, NAMESPACE);
    if (missing.length) throw new Error(`${address} has no search attributes ${missing.join(', ')} yet`);
    return true;
  } finally {
    await connection.close();
  }
}
