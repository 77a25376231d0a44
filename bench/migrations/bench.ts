import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { migrate, migrationsList } from '../../db/migrate.ts';
import type { Report } from '../../dev/parts/progress.ts';
import { atMost, informative, type Row } from '../row.ts';
import { startBenchStack } from '../stack.ts';
import { fillFormer, former } from './former.ts';
import { measureWaits } from './waits.ts';

/** How long a statement may wait for a migration, in milliseconds. */
const mostMs = 2_000;
const database = 'bench_migrations';

/**
 * Brings a database of `former` up to date while other sessions write its large tables. For a `size` of 20,000: 100,000
 * accounts, 20,000 contacts and 500,000 events.
 */
export async function migrations({ size }: { size: number }, report: Report, signal: AbortSignal): Promise<Row[]> {
  const stack = await startBenchStack({}, report, signal);
  const inDatabase = (login: string): string => {
    const url = new URL(login);
    url.pathname = `/${database}`;
    return url.href;
  };
  const owner = inDatabase(stack.ownerUrl);
  const admin = new pg.Client({ connectionString: inDatabase(stack.adminUrl) });
  try {
    await stack.admin.query(`create database ${database} owner ${new URL(owner).username}`);
    await migrate(owner, former);
    await admin.connect();
    const events = size * 25;
    await fillFormer(admin, { accounts: size * 5, contacts: size, events });
    report(`filled: ${events} events`);
    const waits = await measureWaits(owner);
    const rows: Row[] = [];
    for (const { name } of migrationsList) {
      signal.throwIfAborted();
      const started = performance.now();
      if (!(await migrate(owner, name)).length) continue;
      rows.push(informative(`migrations, ${name}: s`, (performance.now() - started) / 1_000, '', null));
      report(`${name} is done`);
    }
    for (const [table, ms] of await waits.stop())
      rows.push(atMost(`migrations, longest wait for ${table}: ms`, ms, '', mostMs));
    const { rows: left } = await admin.query<{ n: number }>('select count(*)::int as n from webhook_events');
    rows.push(atMost('migrations, events lost', events - (left[0]?.n ?? 0), '', 0));
    return rows;
  } finally {
    await admin.end();
    await stack.stop();
  }
}
