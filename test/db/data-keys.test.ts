import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '../../db/connect.ts';
import { prepareKeys, renewDataKeys } from '../../db/data-keys.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { migrate, openAsOwner } from '../../db/migrate.ts';
import { ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { sealed } from '../../db/sealed.ts';
import { rows, sql } from '../../db/sql.ts';
import { createVault, type Vault } from '../../db/vault.ts';
import { masterKeysInUse, requireMasterKeys, rotateMasterKey } from '../../db/wrapped-keys.ts';
import { VaultError } from '../../platform/cipher.ts';
import { newId } from '../../platform/ids.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testKey } from '../support/key.ts';

const freshKey = randomBytes(32).toString('base64');
const vaultOf = (newest = testKey, older = ''): Vault => createVault(parseKeyRing(newest, older));
const idOf = (key: string): string => vaultOf(key).masterKeys.ids[0];

let test: TestDatabase;
let db: Database;
beforeEach(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 4 } });
});
afterEach(async () => {
  await db?.close();
  await test?.drop();
});

const addTenant = (name: string, vault = vaultOf()): Promise<string> =>
  db.system(async (em) => (await ensureTenant(em, vault, name, new Date())).id);
const count = async (from: Database = db): Promise<number> =>
  (await from.system((em) => rows<{ n: number }>(em, sql`select count(*)::int as n from data_keys`)))[0]!.n;
/** Makes every key old enough for a newer version to seal. */
const age = () => db.system((em) => rows(em, sql`update data_keys set created_at = created_at - interval '1 hour'`));
const context = sealed.accountSecret('one');

describe('data keys', () => {
  it('exist once for the installation and once for each tenant, however many processes start at once', async () => {
    await db.system(async (em) => {
      for (const name of ['a', 'b']) await em.insert(Tenant, { id: newId(), name, createdAt: new Date() });
    });
    await Promise.all([1, 2, 3].map(() => prepareKeys(db, vaultOf().masterKeys)));
    expect(await count()).toBe(3);
    await prepareKeys(db, vaultOf().masterKeys);
    expect(await count()).toBe(3);
  });

  it('are created with the tenant, once when two processes create it', async () => {
    await Promise.all([1, 2].map(() => addTenant('ours')));
    expect(await count()).toBe(1);
  });

  it('open values of the tenant and of the installation in both roles, and nothing of another tenant', async () => {
    await prepareKeys(db, vaultOf().masterKeys);
    const [ours, theirs] = [await addTenant('ours'), await addTenant('theirs')];
    const of = (tenantId: string | null, vault = vaultOf()) => vault.keysOf(db, tenantId);
    const value = await db.tenant(ours, async (em) => (await vaultOf().keysOf(em, ours)).seal('a secret', context));
    expect((await of(ours)).open(value, context)).toBe('a secret');
    for (const other of [theirs, null]) {
      const keys = await of(other);
      expect(() => keys.open(value, context)).toThrow(/^Data key \w+ is not here/);
    }
    const shared = (await of(null)).seal('a setting', context);
    expect((await of(ours)).open(shared, context)).toBe('a setting');
    const asTheirs = db.tenant(theirs, (em) => vaultOf().keysOf(em, ours));
    await expect(asTheirs).rejects.toThrow(VaultError);
  });

  it('end with their tenant: a ciphertext from a dump no longer opens', async () => {
    await prepareKeys(db, vaultOf().masterKeys);
    const tenantId = await addTenant('ours');
    const dumped = (await vaultOf().keysOf(db, tenantId)).seal('a secret', context);
    await db.system((em) => em.nativeDelete(Tenant, { id: tenantId }));
    expect(await count()).toBe(1);
    await expect(vaultOf().keysOf(db, tenantId)).rejects.toThrow(/has no data key/);
    const left = await vaultOf().keysOf(db, null);
    expect(() => left.open(dumped, context)).toThrow(VaultError);
  });

  it('do not open after a move to another tenant', async () => {
    const [ours, theirs] = [await addTenant('ours'), await addTenant('theirs')];
    await db.system((em) => rows(em, sql`delete from data_keys where tenant_id = ${theirs}`));
    await db.system((em) => rows(em, sql`update data_keys set tenant_id = ${theirs} where tenant_id = ${ours}`));
    await expect(vaultOf().keysOf(db, theirs)).rejects.toThrow(/belongs to another row/);
  });

  it('seal after a renewal once every process knows them, and open older values', async () => {
    await prepareKeys(db, vaultOf().masterKeys);
    const tenantId = await addTenant('ours');
    const keyIn = (value: string) => value.split('.')[1];
    const before = (await vaultOf().keysOf(db, tenantId)).seal('before', context);
    await age();
    expect(await renewDataKeys(db, vaultOf().masterKeys)).toBe(2);
    const soon = (await vaultOf().keysOf(db, tenantId)).seal('soon', context);
    expect(keyIn(soon)).toBe(keyIn(before));
    await age();
    const keys = await vaultOf().keysOf(db, tenantId);
    expect(keyIn(keys.seal('later', context))).not.toBe(keyIn(before));
    expect([before, soon].map((value) => keys.open(value, context))).toEqual(['before', 'soon']);
  });

  it('remain usable while the database is down', async () => {
    await prepareKeys(db, vaultOf().masterKeys);
    const vault = vaultOf();
    const keys = await vault.keysOf(db, null);
    const now = performance.now.bind(performance);
    performance.now = () => now() + 3_600_000;
    try {
      const down: Database = { ...db, system: () => Promise.reject(new Error('the database is down')) };
      expect(await vault.keysOf(down, null)).toBe(keys);
      await expect(vaultOf().keysOf(down, null)).rejects.toThrow('the database is down');
    } finally {
      performance.now = now;
    }
  });
});

describe('an installation that sealed values with its master key', () => {
  /** Sealed by such a version with the tests' key: `accounts.secret` of an account "one", and a payload at Temporal. */
  const value = 'v1.4980c225.hR7PhvZxxSf4DZHY7ird6_UXLGtMsLG1OjKWhYUQAuhxmxBiQfQ0ArBmYuvCwA';
  const payload = Buffer.from('NDk4MGMyMjUxyyBc98H8OpDN/7vi6hH0ZpjHJcsPh0fbFx7lkdTNBYFheAot//qsTH4INbXqbg==', 'base64');
  let old: TestDatabase;
  let upgraded: Database;
  beforeEach(async () => {
    old = await createEmptyDatabase();
    const orm = await openAsOwner(old.ownerUrl);
    await orm.migrator.up({ to: '0015-checks' });
    await orm.close(true);
    upgraded = await openDatabase(old.url, { pool: { app: 1, system: 2 } });
    // Columns of several tables, and one that another master key sealed.
    await upgraded.system(async (em) => {
      const id = newId();
      await rows(em, sql`insert into tenants (id, name, created_at) values (${id}, 'ours', now())`);
      for (const [n, text] of [value, value, 'v1.0badf00d.AAAA'].entries())
        await rows(
          em,
          sql`insert into accounts (id, tenant_id, provider, channel, owner, metadata, state, who, since, secret, method,
                created_at, updated_at)
              values (${newId()}, ${id}, 'unipile', 'mail', ${`o${n}`}, '{}', 'disconnected', 'nobody', now(), ${text},
                'credentials', now(), now())`,
        );
      await rows(
        em,
        sql`insert into erasures (id, tenant_id, state, target, requested_at)
            values (${newId()}, ${id}, 'running', 'v1.4980c225.AAAA', now())`,
      );
    });
    await migrate(old.ownerUrl);
  });
  afterEach(async () => {
    await upgraded?.close();
    await old?.drop();
  });

  it('starts with every key that sealed something, keeps them as data keys, and then needs the former master key no more', async () => {
    const lost = await upgraded.system((em) =>
      rows<{ id: string }>(em, sql`select id from data_keys where wrapped is null order by version desc`),
    );
    expect(lost.map(({ id }) => id)).toEqual(['0badf00d', '4980c225']);
    await expect(requireMasterKeys(upgraded, vaultOf().masterKeys)).rejects.toThrow(/0badf00d.*ENCRYPTION_KEYS/);
    // An invented key, in no ring.
    await upgraded.system((em) => rows(em, sql`delete from data_keys where id = '0badf00d'`));

    const atFirst = vaultOf(freshKey, testKey);
    await Promise.all([1, 2].map(() => prepareKeys(upgraded, atFirst.masterKeys)));
    // The installation's, the tenant's, and the two of the ring: the fresh one may have sealed payloads.
    expect(await count(upgraded)).toBe(4);
    await prepareKeys(upgraded, vaultOf(randomBytes(32).toString('base64'), freshKey).masterKeys);
    expect(await count(upgraded)).toBe(4);

    const later = vaultOf(freshKey);
    await requireMasterKeys(upgraded, later.masterKeys);
    const [{ id: tenantId } = { id: '' }] = await upgraded.system((em) =>
      rows<{ id: string }>(em, sql`select id from tenants`),
    );
    const keys = await upgraded.tenant(tenantId, (em) => later.keysOf(em, tenantId));
    expect(keys.open(value, context)).toBe('a secret of before');
    expect(keys.seal('a secret of now', context)).toMatch(/^v2\.[0-9a-f]{12}\./);
    expect(Buffer.from((await later.keysOf(upgraded, null)).openBytes(payload)).toString()).toBe('a payload of before');
  });

  it('has no index on keys in sealed values', async () => {
    const left = await upgraded.system((em) =>
      rows(em, sql`select indexname from pg_indexes where indexdef like '%substr(%, 4, 8)%'`),
    );
    expect(left).toEqual([]);
  });
});

describe('rotation', () => {
  it('wraps the keys anew and writes no sealed value, of 100,000', async () => {
    await prepareKeys(db, vaultOf().masterKeys);
    const tenantId = await addTenant('ours');
    const value = (await vaultOf().keysOf(db, tenantId)).seal('a body of some length', context);
    await db.system((em) =>
      rows(
        em,
        sql`insert into contacts (id, tenant_id, account_id, is_business_account, wasender_sync_status, raw_wasender_data,
              created_at, updated_at)
            select gen_random_uuid(), ${tenantId}, gen_random_uuid(), false, 'synced', ${value}, now(), now()
            from generate_series(1, 100000)`,
      ),
    );
    const { masterKeys } = vaultOf(freshKey, testKey);
    const began = performance.now();
    expect(await rotateMasterKey(db, masterKeys)).toEqual({ rewrapped: 2, unopened: [] });
    process.stdout.write(`rotation over 100,000 sealed values: ${(performance.now() - began).toFixed(0)} ms\n`);
    expect(await db.system(masterKeysInUse)).toEqual([{ id: idOf(freshKey), keys: 2 }]);
    const written = await db.system((em) =>
      rows<{ n: number }>(em, sql`select count(*)::int as n from contacts where raw_wasender_data <> ${value}`),
    );
    expect(written[0]?.n).toBe(0);
    expect((await vaultOf(freshKey).keysOf(db, tenantId)).open(value, context)).toBe('a body of some length');
    expect(await rotateMasterKey(db, masterKeys)).toEqual({ rewrapped: 0, unopened: [] });
  });

  it('handles more keys than a page, names those that do not open, and leaves them unchanged', async () => {
    await db.system((em) =>
      rows(
        em,
        sql`insert into tenants (id, name, created_at)
        select gen_random_uuid(), 't' || n, now() from generate_series(1, 2500) n`,
      ),
    );
    await prepareKeys(db, vaultOf().masterKeys);
    const [bad] = await db.system((em) =>
      rows<{ id: string; wrapped: string }>(
        em,
        sql`update data_keys set wrapped = (select wrapped from data_keys where tenant_id is null)
            where id = (select max(id) from data_keys where tenant_id is not null) returning id, wrapped`,
      ),
    );
    const done = await rotateMasterKey(db, vaultOf(freshKey, testKey).masterKeys);
    expect(done).toEqual({ rewrapped: 2500, unopened: [bad?.id] });
    expect(await db.system(masterKeysInUse)).toEqual(
      [
        { id: idOf(freshKey), keys: 2500 },
        { id: idOf(testKey), keys: 1 },
      ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
  });
});
