import { firstId } from '../../../platform/ids.ts';
import { subjectName, type Subject } from '../../../domain/erasure.ts';
import { identitySpellings } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

export interface Person {
  subjects: Subject[];
  contactIds: string[];
}

/** Repeats until no new name is found: one account may know a LID by its number, another the LID alone. */
export async function findPerson(em: Em, known: Person, accountId: string | null = null): Promise<Person> {
  const subjects = new Map<string, Subject>();
  const add = (subject: Subject): void => {
    for (const one of subject.kind === 'jid' ? identitySpellings({ kind: 'jid', value: subject.value }) : [subject])
      subjects.set(subjectName(one), one);
  };
  known.subjects.forEach(add);
  const contactIds = new Set(known.contactIds);
  for (let before = -1; before !== subjects.size + contactIds.size;) {
    before = subjects.size + contactIds.size;
    const found = await rows<{ contact_id: string; kind: Subject['kind'] | null; value: string | null }>(
      em,
      sql`with named as (
         select a.contact_id as id from accounts o
         cross join ${recordset([...subjects.values()], sql`(kind text, value text)`)} as s
         join contact_aliases a on a.account_id = o.id and a.kind = s.kind and a.value = s.value
         where ${accountId}::uuid is null or o.id = ${accountId}::uuid
         union select c.id from contacts c
         where c.id = any(${[...contactIds]}::uuid[]) and (${accountId}::uuid is null or c.account_id = ${accountId}::uuid)),
       root as (select distinct coalesce(c.merged_into, c.id) as id from named join contacts c on c.id = named.id),
       family as (select id from root union select c.id from root join contacts c on c.merged_into = root.id)
       select f.id as contact_id, a.kind, a.value from family f left join contact_aliases a on a.contact_id = f.id`,
    );
    for (const { contact_id: id, kind, value } of found) {
      contactIds.add(id);
      if (kind !== null && value !== null) add({ kind, value });
    }
  }
  return { subjects: [...subjects.values()], contactIds: [...contactIds] };
}

export interface AliasRow {
  account_id: string;
  kind: Subject['kind'];
  value: string;
}

/** Pages of a tenant's aliases, for finding people by digests. */
export const aliasPage = (em: Em, after: AliasRow | undefined, limit: number): Promise<AliasRow[]> =>
  rows<AliasRow>(
    em,
    sql`select account_id, kind, value from contact_aliases
      where (account_id, kind, value) > (${after?.account_id ?? firstId}::uuid, ${after?.kind ?? ''}, ${after?.value ?? ''})
      order by account_id, kind, value limit ${limit}`,
  );
