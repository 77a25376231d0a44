import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { contactsWhere, type ContactFilter } from './find-contacts.ts';

/** A null company removes its edit. `groups` replaces, then the other lists apply. */
export interface ContactChange {
  company?: string | null | undefined;
  groups?: readonly string[] | undefined;
  addGroups?: readonly string[] | undefined;
  removeGroups?: readonly string[] | undefined;
}

/**
 * Changes all matching contacts; returns how many differ now, and the most groups of one of them. An edited company
 * keeps the provider's in its provenance, so that removing the edit restores it. The caller holds the locks of the
 * accounts.
 */
export async function changeContacts(
  em: Em,
  filter: ContactFilter,
  change: ContactChange,
  at: Date,
): Promise<{ changed: number; mostGroups: number }> {
  const where = contactsWhere(filter);
  if (change.company === null) await forgetEntries(em, where);
  const [counted] = await rows<{ changed: number; most: number }>(
    em,
    sql`with next as (
       select c.id, ${groupsAfter(change)} as groups, ${companyAfter(change.company, at)}
       from contacts c where ${where} order by c.id for no key update
     ), changed as (
       update contacts c set groups = next.groups, company = next.company, edits = next.edits,
         provenance = origins.provenance, updated_at = ${at}
       from next cross join lateral (select ${originsAfter(change)} as provenance) origins
       where c.id = next.id
         and (c.groups, c.edits, c.provenance) is distinct from (next.groups, next.edits, origins.provenance)
       returning cardinality(c.groups) as size
     ) select count(*)::int as changed, coalesce(max(size), 0) as most from changed`,
  );
  return { changed: counted?.changed ?? 0, mostGroups: counted?.most ?? 0 };
}

// In the order of their first place, each once.
const groupsAfter = ({ groups, addGroups = [], removeGroups = [] }: ContactChange): Sql =>
  sql`array(select name
        from unnest(${groups ? sql`${groups}::text[]` : sql`c.groups`} || ${addGroups}::text[])
          with ordinality as given (name, place)
        where name <> all(${removeGroups}::text[]) group by name order by min(place))`;

// A group is no longer from a merge when it is removed, or also given by hand.
const originsAfter = ({ addGroups = [] }: ContactChange): Sql =>
  sql`coalesce(jsonb_set(next.provenance, '{groups}', (
      select jsonb_object_agg(id, names) from (
        select origin.key as id, jsonb_agg(name order by place) as names
        from jsonb_each(next.provenance -> 'groups') origin,
          jsonb_array_elements_text(origin.value) with ordinality as brought (name, place)
        where name = any(next.groups) and name <> all(${addGroups}::text[]) group by origin.key) left_over)),
    next.provenance - 'groups')`;

const isEdited = sql`(c.edits ->> 'company') is not null`;
const over = sql`c.provenance #> '{company,over}'`;

function companyAfter(company: string | null | undefined, at: Date): Sql {
  if (company === undefined) return sql`c.company, c.edits, c.provenance`;
  if (company === null)
    return sql`case when not (${isEdited}) then c.company else ${over} ->> 'value' end as company,
         c.edits - 'company' as edits,
         case when not (${isEdited}) then c.provenance
           when jsonb_typeof(${over} -> 'origin') = 'object'
             then c.provenance || jsonb_build_object('company', ${over} -> 'origin')
           else c.provenance - 'company' end as provenance`;
  return sql`${company}::text as company, c.edits || jsonb_build_object('company', ${company}::text) as edits,
       case when c.edits ->> 'company' = ${company} and c.provenance #>> '{company,source}' = 'edit'
         then c.provenance
         else c.provenance || jsonb_build_object('company', jsonb_build_object(
           'source', 'edit', 'at', ${at.toISOString()}::text, 'over', case when ${isEdited} then ${over}
             else jsonb_build_object('value', c.company, 'origin', c.provenance -> 'company') end)) end as provenance`;
}

// Entries were skipped while the edit stood: the next sync treats them as new.
async function forgetEntries(em: Em, where: Sql): Promise<void> {
  await rows(
    em,
    sql`with meant as (select c.id from contacts c where ${isEdited} and ${where})
     update contact_aliases set content_hash = null
     where contact_id in (
       select id from meant union all select m.id from contacts m join meant on m.merged_into = meant.id
     )`,
  );
}
