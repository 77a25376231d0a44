import type { Database } from '../../db/connect.ts';
import { sealed } from '../../db/sealed.ts';
import { rows, sql } from '../../db/sql.ts';
import { createKeyset, type Keyset } from '../../platform/keyset.ts';
import { createMasterKeys, parseKeyRing } from '../../platform/master-keys.ts';

/** Encryption key of tests. */
export const testKey = Buffer.alloc(32, 7).toString('base64');

/** The installation's data key of test stacks: what one of them seals opens in another, and so do recorded histories. */
const testDataKey = { id: 'test00000001', key: Buffer.alloc(32, 9) };

/** What test stacks seal payloads with; histories of versions before data keys were sealed with the master key. */
export const testKeys: Keyset = createKeyset([testDataKey, ...parseKeyRing(testKey)], testDataKey);

/** Gives a database that no process has used the installation's data key of test stacks. */
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
