import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openAdvisoryLock } from '../../db/advisory-lock.ts';
import { openDatabase, type Database, type DatabaseUse, type Em } from '../../db/connect.ts';
import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import { lockAttempt } from '../../db/queries/attempts/lock-attempt.ts';
import { claimRun } from '../../db/queries/syncs/held-runs.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { postgresUser } from '../../dev/parts/postgres-install.ts';
import { newId } from '../../platform/ids.ts';
import { prepared, rows, sql } from '../../db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { insertRow, seedTenant, tablesOf } from './seed.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test?.drop());

/** Opens a database for one test. */
async function using(use: DatabaseUse, work: (db: Database) => Promise<void>, url = test.url): Promise<void> {
  const db = await openDatabase(url, use);
  try {
    await work(db);
  } finally {
    await db.close();
  }
}
const small = { pool: { app: 1, system: 1 } };
/** The role, the tenant and the limits that a statement works under. */
const settings = `select current_user as role, coalesce(current_setting('patchbay.tenant', true), '') as tenant,
  current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
  current_setting('idle_in_transaction_session_timeout') as idle`;
const [one, two] = [newId(), newId()];

describe('a transaction', () => {
  it('takes its role, its tenant and its limits with its begin, in one round trip', () =>
    using({ ...small, statementMs: 7_000, lockMs: 2_000 }, async (db) => {
      const sent: string[] = [];
      const client = pg.Client.prototype as { query: (...args: any[]) => any };
      const { query } = client;
      client.query = function (this: pg.Client, ...args: any[]) {
        sent.push(args[0]);
        return query.apply(this, args);
      };
      try {
        const limits = { lock: '2s', statement: '7s', idle: '30s' };
        expect(await db.tenant(one, (em) => runSql(em, settings))).toEqual([
          { role: 'patchbay_app', tenant: one, ...limits },
        ]);
        expect(await db.system((em) => runSql(em, settings))).toEqual([
          { role: 'patchbay_system', tenant: '', ...limits },
        ]);
      } finally {
        client.query = query;
      }
      expect(sent.map((text) => text.slice(0, 6))).toEqual([
        'begin;',
        'select',
        'commit',
        'begin;',
        'select',
        'commit',
      ]);
    }));

  it('that cannot begin takes no connection from its pool', () =>
    using(
      small,
      async (db) => {
        const refusal = { code: '42501' };
        for (let n = 0; n < 3; n += 1)
          await expect(db.system((em) => runSql(em, 'select 1'))).rejects.toMatchObject(refusal);
        expect(db.connections().system).toEqual({ busy: 0, idle: 0, waiting: 0 });
      },
      test.readerUrl,
    ));

  it('sends its first statement before its begin is answered, and fails as that does', () =>
    using({ pool: { app: 1, system: 1, intake: 1 } }, async (db) => {
      const ask = (more = {}) => db.intake('a sender', (em) => runSql(em, 'select 1 as one'), more);
      await ask();
      const seen: string[] = [];
      const client = pg.Client.prototype as { query: (...args: any[]) => any };
      const { query } = client;
      client.query = function (this: pg.Client, ...args: any[]) {
        const name = String(args[0]).slice(0, 6);
        seen.push(name);
        return query.apply(this, args).finally(() => seen.push(`${name} answered`));
      };
      try {
        expect(await ask()).toEqual([{ one: 1 }]);
      } finally {
        client.query = query;
      }
      expect(seen.slice(0, 3)).toEqual(['begin;', 'select', 'begin; answered']);
      await expect(ask({ lock_timeout: 'never' })).rejects.toMatchObject({ code: '22023' });
      expect(await ask()).toEqual([{ one: 1 }]);
    }));

  it('whose connection is cut takes none from its pool', () =>
    using(small, async (db) => {
      for (let n = 0; n < 3; n += 1)
        await expect(db.system((em) => runSql(em, 'select pg_terminate_backend(pg_backend_pid())'))).rejects.toThrow(
          /terminat/,
        );
      expect(await db.system((em) => runSql(em, 'select 1 as one'))).toEqual([{ one: 1 }]);
    }));

  it('ends at its limits, with an error that says "not now" and not that PostgreSQL is down', () =>
    using({ ...small, statementMs: 300, lockMs: 100 }, async (db) => {
      const failure = (work: Promise<unknown>) =>
        work.then(
          () => 'done',
          (error: unknown) => error,
        );
      const slow = await failure(db.system((em) => runSql(em, 'select pg_sleep(5)')));
      expect([isDatabaseBusy(slow), isDatabaseDown(slow)]).toEqual([true, false]);
      const held = db.system((em) => runSql(em, 'select pg_advisory_xact_lock(41)::text, pg_sleep(0.25)::text'));
      await eventually('the lock', () =>
        db
          .tenant(one, (em) => runSql(em, "select from pg_locks where locktype = 'advisory' and granted"))
          .then(({ length }) => length),
      );
      const locked = await failure(db.tenant(one, (em) => runSql(em, 'select pg_advisory_xact_lock(41)::text')));
      expect([isDatabaseBusy(locked), isDatabaseDown(locked)]).toEqual([true, false]);
      await held;
    }));
});

describe('pools', () => {
  it('are apart: where one is used up the others answer', () =>
    using({ pool: { app: 1, system: 1, intake: 1, authentication: 1 } }, async (db) => {
      const end = Promise.withResolvers<void>();
      const held = [db.system(() => end.promise), db.tenant(one, () => end.promise)];
      await eventually('both', async () => db.connections().app?.busy === 1 && db.connections().system?.busy === 1);
      expect(await db.intake('a sender', (em) => runSql(em, 'select 1 as one'))).toEqual([{ one: 1 }]);
      expect(await db.authentication((em) => runSql(em, 'select 1 as one'))).toEqual([{ one: 1 }]);
      end.resolve();
      await Promise.all(held);
    }));

  it('give one tenant its share, and another what is left at once', () =>
    using({ pool: { app: 3, system: 1 }, tenantShare: 2 }, async (db) => {
      const end = Promise.withResolvers<void>();
      let running = 0;
      const flood = Array.from({ length: 300 }, () =>
        db.tenant(one, async () => {
          running += 1;
          await end.promise;
        }),
      );
      const outcomes = Promise.allSettled(flood);
      await eventually('the share', async () => running === 2);
      // A call that waited for the end of the flood would fail after 5 s.
      expect(await db.tenant(two, (em) => runSql(em, 'select 1 as one'))).toEqual([{ one: 1 }]);
      expect(running).toBe(2);
      end.resolve();
      const refused = (await outcomes).flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      // 2 run, 200 wait, and more than that are refused at once.
      expect(refused).toHaveLength(98);
      expect(refused.every(isDatabaseBusy)).toBe(true);
    }));
});

it('one sender of webhooks takes a third of the connections of intake, and another one the next', () =>
  using({ pool: { app: 1, system: 1, intake: 3 } }, async (db) => {
    const end = Promise.withResolvers<void>();
    const flood = Array.from({ length: 5 }, () => db.intake('one', () => end.promise));
    await eventually('the share', async () => db.connections().intake?.busy === 1);
    expect(await db.intake('another', (em) => runSql(em, 'select 1 as one'))).toEqual([{ one: 1 }]);
    end.resolve();
    await Promise.all(flood);
  }));

it('a row that one transaction holds takes rows that refer to it', () =>
  using({ pool: { app: 2, system: 2 }, lockMs: 500 }, async (db) => {
    const tables = await db.system(tablesOf);
    const ids = await db.system((em) => seedTenant(em, tables));
    const [tenant = '', account = ''] = [ids['tenants'], ids['accounts']];
    await db.system((em) =>
      runSql(em, "update sync_runs set kind = 'contacts', state = 'running', scope = 'all', dry_run = false"),
    );
    const insert = (name: string, given: Record<string, unknown>) => {
      const table = tables.find((each) => each.name === name)!;
      const known = { tenant_id: tenant, account_id: account };
      const own = Object.entries(known).filter(([column]) => table.columns.some((each) => each.name === column));
      return db.system((em) => insertRow(em, table, { ...Object.fromEntries(own), ...given }));
    };
    const of = { kind: 'contacts', tenantId: tenant, accountId: account, scope: 'all' } as Parameters<
      typeof claimRun
    >[1];
    const whileHeld = async (lock: (em: Em) => Promise<unknown>, work: () => Promise<unknown>): Promise<void> => {
      const [locked, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const holding = db.tenant(tenant, async (em) => {
        expect(await lock(em)).toBeTruthy();
        locked.resolve();
        await done.promise;
      });
      await Promise.race([locked.promise, holding]);
      await work().finally(done.resolve);
      await holding;
    };
    await whileHeld(
      (em) => lockAttempt(em, account, 1),
      async () => {
        await insert('connection_steps', { attempt_id: ids['connection_attempts'], number: 9 });
        await insert('account_events', {});
      },
    );
    await whileHeld(
      (em) => claimRun(em, of, 'me', new Date(), new Date()),
      () => insert('sync_pages', { run_id: ids['sync_runs'], number: 9 }),
    );
  }));

it('a marked statement of intake is prepared once for a connection', () =>
  using({ pool: { app: 1, system: 1, intake: 1 } }, async (db) => {
    const ask = () =>
      db.intake('a sender', (em) =>
        rows<{ known: string }>(
          em,
          prepared(sql`select ${1}::int as one, (select count(*) from pg_prepared_statements) as known`),
        ),
      );
    for (let n = 0; n < 3; n += 1) expect((await ask())[0]?.known).toBe('1');
  }));

const pgbouncer = '/usr/sbin/pgbouncer';
/** Starts a pooler of transactions with two connections to the server, and answers the address behind it. */
async function startPooler(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-pooler-'));
  const direct = new URL(test.url);
  const port = await reserveFreePort();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o644);
    return join(folder, name);
  };
  const users = file('users', `"${direct.username}" "${direct.password}"\n`);
  const config = file(
    'pooler.ini',
    `[databases]
* = host=${direct.hostname} port=${direct.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port.number}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 2
`,
  );
  chmodSync(folder, 0o755);
  await port.handOver();
  const user = postgresUser();
  const started = spawn(pgbouncer, [config], {
    stdio: 'ignore',
    cwd: '/',
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  const url = new URL(test.url);
  url.host = `127.0.0.1:${port.number}`;
  return {
    url: url.href,
    stop: async () => {
      const ended = once(started, 'close');
      if (started.exitCode === null && started.kill('SIGTERM')) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const describeWithPooler = existsSync(pgbouncer) ? describe : describe.skip;
describeWithPooler('behind a pooler of transactions', () => {
  let pooler: Awaited<ReturnType<typeof startPooler>>;
  beforeAll(async () => {
    pooler = await startPooler();
    await eventually('the pooler', async () => {
      const client = new pg.Client({ connectionString: pooler.url });
      client.on('error', () => undefined);
      await client.connect();
      await client.end();
      return true;
    });
  });
  afterAll(() => pooler?.stop());

  it('each transaction has its own role and tenant, and leaves none of them behind', () =>
    using(
      { pool: { app: 5, system: 5 } },
      async (db) => {
        const each = await Promise.all(
          Array.from({ length: 60 }, async (_, n) => {
            const tenant = newId();
            const found = await (n % 2
              ? db.system((em) => runSql(em, settings))
              : db.tenant(tenant, (em) => runSql(em, settings)));
            const { role, tenant: seen } = found[0] as Record<string, string>;
            return n % 2 ? role === 'patchbay_system' && seen === '' : role === 'patchbay_app' && seen === tenant;
          }),
        );
        expect(each.every(Boolean)).toBe(true);
        const client = new pg.Client({ connectionString: pooler.url });
        await client.connect();
        const { rows: found } = await client.query(settings);
        await client.end();
        expect(found).toEqual([{ role: 'patchbay_runtime', tenant: '', lock: '0', statement: '0', idle: '0' }]);
      },
      pooler.url,
    ));

  it('no statement is prepared: another connection would not know it', () =>
    using(
      { pool: { app: 1, system: 1, intake: 5 } },
      async (db) => {
        const ask = (n: number) =>
          db.intake(`sender ${n % 5}`, (em) =>
            rows<{ n: number; known: string }>(
              em,
              prepared(sql`select ${n}::int as n, (select count(*) from pg_prepared_statements) as known`),
            ),
          );
        const all = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n)));
        expect(all.flat()).toEqual(Array.from({ length: 60 }, (_, n) => ({ n, known: '0' })));
      },
      pooler.url,
    ));

  it('a lock of the installation has one holder, and is free once it is released', async () => {
    const [first, second] = [openAdvisoryLock(pooler.url, 'tried'), openAdvisoryLock(pooler.url, 'tried')];
    expect(await first.hold()).toBe(true);
    // More often than the pooler has connections to the server.
    for (let n = 0; n < 6; n += 1) expect(await second.hold()).toBe(false);
    expect(await first.hold()).toBe(true);
    await first.release();
    await eventually('the lock', () => second.hold());
    expect(await first.hold()).toBe(false);
    await second.release();
  });
});
