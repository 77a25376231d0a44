import type { ErasureCounts } from '../../../domain/erasure.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { namedInTimeline } from './person-rows.ts';

export async function accountsAfter(em: Em, after: string, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select id from accounts where id > ${after} order by id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** Deletes contacts and their names; returns how many. The caller holds the account's lock. */
export async function deleteContacts(
  em: Em,
  accountId: string,
  contactIds: readonly string[],
): Promise<Partial<ErasureCounts>> {
  if (!contactIds.length) return {};
  const aliases = await rows(
    em,
    sql`delete from contact_aliases where account_id = ${accountId} and contact_id = any(${contactIds}::uuid[])
      returning kind`,
  );
  const contacts = await rows<{ raw: boolean }>(
    em,
    sql`delete from contacts where account_id = ${accountId} and id = any(${contactIds}::uuid[])
      returning raw_wasender_data is not null as raw`,
  );
  return {
    contacts: contacts.length,
    aliases: aliases.length,
    raw_records: contacts.filter(({ raw }) => raw).length,
  };
}

/** Empties the data of timeline entries with one of these texts; returns how many. */
export async function redactTimeline(em: Em, accountId: string, traces: readonly string[]): Promise<number> {
  const redacted = await rows(
    em,
    sql`update account_events set data = '{"erased": true}' where account_id = ${accountId} and ${namedInTimeline(traces)} returning id`,
  );
  return redacted.length;
}
