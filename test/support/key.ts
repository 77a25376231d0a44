import type { Database } from '../../db/connect.ts';
import { sealed } from '../../db/sealed.ts';
import { rows, sql } from '../../db/sql.ts';
import { createKeyset, type Keyset } from '../../platform/keyset.ts';
import { createMasterKeys, parseKeyRing } from '../../platform/master-keys.ts';

/** The tests' master key. */
export const testKey = Buffer.alloc(32, 7).toString('base64');

/** The installation's data key in every test stack: fixed, because it decrypts recorded histories. */
const testDataKey = { id: 'test00000001', key: Buffer.alloc(32, 9) };

/** The keys for payloads of test stacks. Older histories were sealed with the master key. */
export const testKeys: Keyset = createKeyset([testDataKey, ...parseKeyRing(testKey)], testDataKey);

/** Inserts the test stacks' data key into a new database. */
export async function addTestDataKey(db: Database): Promise<void> {
  const { id, key } = testDataKey;
  const wrapped = createMasterKeys(parseKeyRing(testKey)).wrap(key, sealed.dataKey(id, null));
  await db.system((em) =>
    rows(
      em,
      sql`insert into data_keys (id, tenant_id, version, wrapped, created_at) values (${id}, null, 1, ${wrapped}, now())`,
    ),
  );
}
