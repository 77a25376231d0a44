import { openAsOwner } from '../../db/migrate.ts';
import { openDatabase, rows, type Database } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { newId } from '../../platform/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { app: 2, system: 2 });
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

it('has migrations and entities that agree on every column', async () => {
  const orm = await openAsOwner(test.ownerUrl);
  try {
    const columns = await rows<{ table_name: string; column_name: string; is_nullable: string; udt_name: string }>(
      orm.em.fork(),
      `select table_name, column_name, is_nullable, udt_name from information_schema.columns
       where table_schema = 'public' and table_name <> 'schema_migrations'`,
    );
    const inDatabase = columns.map((c) => `${c.table_name}.${c.column_name} ${c.udt_name} ${c.is_nullable}`).sort();
    const inEntities = Object.values(orm.getMetadata().getAll().values().toArray())
      .flatMap((meta) =>
        meta.props.map((p) => {
          const type = p.columnTypes[0] ?? '';
          return `${meta.tableName}.${p.fieldNames[0]} ${udt(type)} ${p.nullable ? 'YES' : 'NO'}`;
        }),
      )
      .sort();
    expect(inEntities).toEqual(inDatabase);
  } finally {
    await orm.close(true);
  }
});

const udt = (type: string): string =>
  type.startsWith('timestamptz') ? 'timestamptz' : type === 'int' ? 'int4' : type === 'boolean' ? 'bool' : type === 'text[]' ? '_text' : type;

it('shows each tenant only its own rows, and none without a tenant', async () => {
  const now = new Date();
  const [one, two] = [newId(), newId()];
  await db.system(async (em) => {
    for (const id of [one, two]) {
      em.persist(em.create(Tenant, { id, name: id, createdAt: now }));
    }
    await em.flush();
    for (const tenantId of [one, two])
      em.persist(
        em.create(Account, {
          id: newId(), tenantId, provider: 'unipile', channel: 'whatsapp', owner: 'o', label: null, metadata: {}, credentialsId: null,
          providerAccountId: null, identity: null, state: 'connecting', reason: null, who: 'owner', since: now, connectionConfig: null,
          providerConfig: null, rawDetails: null, detailsAt: null, secret: null, method: 'qr', lastSyncAt: null, lookWantedAt: null,
          mergedInto: null, createdAt: now, updatedAt: now,
        }),
      );
  });
  const seen = await db.tenant(one, (em) => em.find(Account, {}));
  expect(seen.map((a) => a.tenantId)).toEqual([one]);
  expect(seen[0]?.since).toBeInstanceOf(Date);
});
