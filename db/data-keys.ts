import { randomBytes } from 'node:crypto';
import type { MasterKeys } from '../platform/master-keys.ts';
import type { Database, Em } from './connect.ts';
import { sealed } from './sealed.ts';
import { rows, sql } from './sql.ts';
import { lockKeys, requireMasterKeys } from './wrapped-keys.ts';

/** Checks the ring and makes missing data keys; before a process opens any sealed value. */
export async function prepareKeys(db: Database, masterKeys: MasterKeys): Promise<void> {
  await requireMasterKeys(db, masterKeys);
  await db.system(async (em) => {
    await lockKeys(em);
    await wrapFormerKeys(em, masterKeys);
    const lacking = await rows<{ tenant_id: string | null }>(
      em,
      sql`select o.tenant_id from (select null::uuid as tenant_id union all select id from tenants) o
          where not exists (select from data_keys k where k.tenant_id is not distinct from o.tenant_id and k.version > 0)`,
    );
    await addFirstKeys(
      em,
      masterKeys,
      lacking.map((one) => one.tenant_id),
    );
  });
}

/** Makes the first data key of each owner (null: the installation) without one. System role. */
export async function addFirstKeys(em: Em, masterKeys: MasterKeys, owners: readonly (string | null)[]): Promise<void> {
  if (!owners.length) return;
  const made = owners.map((tenantId) => newKey(masterKeys, tenantId));
  await rows(
    em,
    sql`insert into data_keys (id, tenant_id, version, wrapped, created_at)
        select id, tenant_id, 1, wrapped, now() from jsonb_to_recordset(${JSON.stringify(made)}::jsonb)
          as k (id text, tenant_id uuid, wrapped text)
        on conflict (tenant_id, version) do nothing`,
  );
}

/** Starts a new data key for the installation and each tenant; it seals some minutes later. Returns their number. */
export async function renewDataKeys(db: Database, masterKeys: MasterKeys): Promise<number> {
  return db.system(async (em) => {
    await lockKeys(em);
    const owners = await rows<{ tenant_id: string | null }>(
      em,
      sql`select distinct tenant_id from data_keys where version > 0`,
    );
    const made = owners.map((one) => newKey(masterKeys, one.tenant_id));
    await rows(
      em,
      sql`insert into data_keys (id, tenant_id, version, wrapped, created_at)
          select n.id, n.tenant_id, max(k.version) + 1, n.wrapped, now()
          from jsonb_to_recordset(${JSON.stringify(made)}::jsonb) as n (id text, tenant_id uuid, wrapped text)
          join data_keys k on k.tenant_id is not distinct from n.tenant_id
          group by n.id, n.tenant_id, n.wrapped`,
    );
    return made.length;
  });
}

function newKey(masterKeys: MasterKeys, tenantId: string | null) {
  const id = randomBytes(6).toString('hex');
  return { id, tenant_id: tenantId, wrapped: masterKeys.wrap(randomBytes(32), sealed.dataKey(id, tenantId)) };
}

// Master keys that sealed values before data keys existed become data keys that only open. The migration noted those
// in use; the rest of the ring may have sealed payloads at Temporal, or digests. Runs once.
async function wrapFormerKeys(em: Em, masterKeys: MasterKeys): Promise<void> {
  const found = await rows<{ id: string; version: number; wrapped: string | null }>(
    em,
    sql`select id, version, wrapped from data_keys where tenant_id is null order by version`,
  );
  const noted = found.filter(({ wrapped }) => wrapped === null).map(({ id }) => id);
  if (!noted.length) return;
  const lowest = found[0]?.version ?? 0;
  const ids = [...noted, ...masterKeys.ids.filter((id) => !noted.includes(id))];
  for (const [n, id] of ids.entries())
    await rows(
      em,
      sql`insert into data_keys (id, tenant_id, version, wrapped, created_at)
          values (${id}, null, ${lowest - 1 - n}, ${masterKeys.wrapMasterKey(id, sealed.dataKey(id, null))}, now())
          on conflict (id) do update set wrapped = excluded.wrapped`,
    );
}
