import { arrayOf, rows, type Em } from '../../connect.ts';
import type { Condition } from './find-contacts.ts';

/** What is changed of contacts by hand; null takes an edit of the company back. `groups` replaces, the others follow. */
export interface ContactChange {
  company?: string | null | undefined;
  groups?: readonly string[] | undefined;
  addGroups?: readonly string[] | undefined;
  removeGroups?: readonly string[] | undefined;
}

/**
 * Changes every contact that `where` means, in one statement; answers how many became different, and the most groups
 * that one of these has now. An edited company
 * keeps what it stands over (`over` in its provenance), so that taking it back shows that again at once. What a merge
 * brought and is written by hand as well is the contact's own. The caller holds the locks of the accounts.
 */
export async function changeContacts(
  em: Em,
  where: Condition,
  change: ContactChange,
  at: Date,
): Promise<{ changed: number; mostGroups: number }> {
  const company = companyAfter(change.company, at);
  const groups = groupsAfter(change);
  const origins = originsAfter(change);
  if (change.company === null) await readAnew(em, where);
  const [counted] = await rows<{ changed: number; most: number }>(
    em,
    `with next as (
       select c.id, ${groups.sql} as groups, ${company.sql}
       from contacts c where ${where.sql} order by c.id for update
     ), changed as (
       update contacts c set groups = next.groups, company = next.company, edits = next.edits,
         provenance = origins.provenance, updated_at = ?
       from next cross join lateral (select ${origins.sql} as provenance) origins
       where c.id = next.id and (c.groups, c.edits, c.provenance) is distinct from (next.groups, next.edits, origins.provenance)
       returning cardinality(c.groups) as size
     ) select count(*)::int as changed, coalesce(max(size), 0) as most from changed`,
    [...groups.params, ...company.params, ...where.params, at, ...origins.params],
  );
  return { changed: counted?.changed ?? 0, mostGroups: counted?.most ?? 0 };
}

/** In order of first sight, each once. */
function groupsAfter({ groups, addGroups = [], removeGroups = [] }: ContactChange): Condition {
  const base = groups ? '?::text[]' : 'c.groups';
  return {
    sql: `array(select name from unnest(${base} || ?::text[]) with ordinality as given (name, place)
       where name <> all(?::text[]) group by name order by min(place))`,
    params: [...(groups ? [arrayOf(groups)] : []), arrayOf(addGroups), arrayOf(removeGroups)],
  };
}

/** Where groups come from: no more from a merge where they are taken away, or given by hand as well. */
const originsAfter = ({ addGroups = [] }: ContactChange): Condition => ({
  sql: `coalesce(jsonb_set(next.provenance, '{groups}', (
      select jsonb_object_agg(id, names) from (
        select origin.key as id, jsonb_agg(name order by place) as names
        from jsonb_each(next.provenance -> 'groups') origin,
          jsonb_array_elements_text(origin.value) with ordinality as brought (name, place)
        where name = any(next.groups) and name <> all(?::text[]) group by origin.key) left_over)),
    next.provenance - 'groups')`,
  params: [arrayOf(addGroups)],
});

const edited = "(c.edits ->> 'company') is not null";
const over = "c.provenance #> '{company,over}'";

/** The columns `company`, `edits` and `provenance` after the change. */
function companyAfter(company: string | null | undefined, at: Date): Condition {
  if (company === undefined) return { sql: 'c.company, c.edits, c.provenance', params: [] };
  if (company === null)
    return {
      sql: `case when not (${edited}) then c.company else ${over} ->> 'value' end as company,
         c.edits - 'company' as edits,
         case when not (${edited}) then c.provenance
           when jsonb_typeof(${over} -> 'origin') = 'object'
             then c.provenance || jsonb_build_object('company', ${over} -> 'origin')
           else c.provenance - 'company' end as provenance`,
      params: [],
    };
  return {
    sql: `?::text as company, c.edits || jsonb_build_object('company', ?::text) as edits,
       case when c.edits ->> 'company' = ? and c.provenance #>> '{company,source}' = 'edit' then c.provenance else
         c.provenance || jsonb_build_object('company', jsonb_build_object('source', 'edit', 'at', ?::text, 'over',
           case when ${edited} then ${over}
             else jsonb_build_object('value', c.company, 'origin', c.provenance -> 'company') end)) end as provenance`,
    params: [company, company, company, at.toISOString()],
  };
}

/** What the provider said while the edit stood was passed over: the next sync takes those entries as new. */
async function readAnew(em: Em, where: Condition): Promise<void> {
  await rows(
    em,
    `with meant as (select c.id from contacts c where ${edited} and ${where.sql})
     update contact_aliases set content_hash = null
     where contact_id in (
       select id from meant union all select m.id from contacts m join meant on m.merged_into = meant.id
     )`,
    where.params,
  );
}
