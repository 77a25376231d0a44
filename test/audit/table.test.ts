import pg from 'pg';
import { openDatabase, type Database } from '../../db/connect.ts';
import { insertAuditEntry } from '../../db/queries/audit/insert-entries.ts';
import { dropAuditDays, ensureDays } from '../../db/queries/retention/days.ts';
import { newId } from '../../platform/ids.ts';
import { blankEntry, recordAudit } from '../../services/audit/record.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/run-sql.ts';

let test: TestDatabase;
let db: Database;
const [one, two] = [newId(), newId()];
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 2 } });
  for (const tenantId of [one, two])
    await db.tenant(tenantId, (em) => recordAudit(em, { principal: { tenantId, keyId: 'a key' }, action: 'test' }));
  await db.system((em) => insertAuditEntry(em, { ...blankEntry, id: newId(), actor: 'operator', action: 'test' }));
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

/** PostgreSQL's code for a missing right, and for a row that a policy refuses. */
const refused = { code: '42501' };
const countAs = (work: Database['system']): Promise<number> =>
  work(async (em) => Number((await runSql<{ n: number }>(em, 'select count(*)::int as n from audit_entries'))[0]?.n));

describe('SECURITY 31: the audit log', () => {
  const roles = (): [string, (sql: string) => Promise<unknown>][] => [
    ['patchbay_app', (sql) => db.tenant(one, (em) => runSql(em, sql))],
    ['patchbay_system', (sql) => db.system((em) => runSql(em, sql))],
  ];

  it('is added to and read by the roles of the processes, and changed by none', async () => {
    for (const [role, run] of roles())
      for (const sql of [
        "update audit_entries set actor = 'another'",
        'delete from audit_entries',
        'truncate audit_entries',
        'drop table audit_entries',
        'alter table audit_entries disable row level security',
        'alter table audit_entries detach partition audit_entries_default',
      ])
        await expect(
          run(sql).then(
            () => [role, sql],
            (error: { code: string }) => error,
          ),
        ).resolves.toMatchObject(refused);
    expect(await countAs((work) => db.system(work))).toBe(3);
  });

  it("cannot be changed past the table either: by its partitions, or by operators' logins", async () => {
    const [part] = await db.system((em) =>
      runSql<{ name: string }>(
        em,
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_entries'::regclass limit 1",
      ),
    );
    for (const [, run] of roles()) await expect(run(`delete from ${part?.name}`)).rejects.toMatchObject(refused);
    const reader = new pg.Client({ connectionString: test.readerUrl });
    await reader.connect();
    try {
      await expect(reader.query('delete from audit_entries')).rejects.toMatchObject(refused);
      expect((await reader.query('select count(*)::int as n from audit_entries')).rows[0].n).toBe(3);
    } finally {
      await reader.end();
    }
  });

  it('shows a tenant its own entries, and takes none for another tenant or for none', async () => {
    expect(await countAs((work) => db.tenant(one, work))).toBe(1);
    for (const tenantId of [two, null])
      await expect(
        db.tenant(one, (em) => insertAuditEntry(em, { ...blankEntry, id: newId(), tenantId, action: 'forged' })),
      ).rejects.toMatchObject(refused);
  });

  it('outlives its tenant', async () => {
    const tenantId = newId();
    await db.system(async (em) => {
      await runSql(em, 'insert into tenants (id, name, created_at) values (?, ?, now())', [tenantId, 'to go']);
      await insertAuditEntry(em, { ...blankEntry, id: newId(), tenantId, action: 'kept' });
      await runSql(em, 'delete from tenants where id = ?', [tenantId]);
    });
    expect(await countAs((work) => db.tenant(tenantId, work))).toBe(1);
  });

  it('is dropped by whole days, and never the last 30 of them, whatever time a process claims', async () => {
    const day = 86_400_000;
    const now = Date.now();
    await db.system((em) => ensureDays(em, new Date(now - 60 * day)));
    const add = (daysAgo: number): Promise<unknown> =>
      db.system((em) =>
        runSql(
          em,
          `insert into audit_entries (id, at, kind, via, actor, action, outcome, details)
           values (?, ?, 'write', 'api', 'old', 'old', 'accepted', '{}')`,
          [newId(), new Date(now - daysAgo * day)],
        ),
      );
    for (const daysAgo of [59, 58, 40, 29, 5]) await add(daysAgo);
    const left = async (): Promise<number> => {
      const [row] = await db.system((em) =>
        runSql<{ n: number }>(em, "select count(*)::int as n from audit_entries where actor = 'old'"),
      );
      return row?.n ?? 0;
    };
    await db.system((em) => dropAuditDays(em, new Date(now - 50 * day)));
    expect(await left()).toBe(3);
    await db.system((em) => dropAuditDays(em, new Date(now + 5 * day)));
    expect(await left()).toBe(2);
    await db.system((em) => runSql(em, "select drop_partitions('audit_entries', now() + interval '1 year')"));
    expect(await left()).toBe(2);
  });
});
