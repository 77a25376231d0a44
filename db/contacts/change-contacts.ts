import { arrayOf, rows, type Em } from '../connect.ts';
import type { Condition } from './find-contacts.ts';

/** What is changed of contacts by hand; null takes an edit of the company back. `groups` replaces, the others follow. */
export interface ContactChange {
  company?: string | null | undefined;
  groups?: readonly string[] | undefined;
  addGroups?: readonly string[] | undefined;
  removeGroups?: readonly string[] | undefined;
}

/**
 * Changes every contact that `where` means, in one statement; answers how many became different. An edited company
 * keeps what it stands over (`over` in its provenance), so that taking it back shows that again at once. The caller
 * holds the locks of the accounts.
 */
export async function changeContacts(em: Em, where: Condition, change: ContactChange, at: Date): Promise<number> {
  const company = companyAfter(change.company, at);
  const groups = groupsAfter(change);
  if (change.company === null) await readAnew(em, where);
  const [counted] = await rows<{ count: string }>(
    em,
    `with next as (
       select c.id, ${groups.sql} as groups, ${company.sql}
       from contacts c where ${where.sql} order by c.id for update
     ), changed as (
       update contacts set groups = next.groups, company = next.company, edits = next.edits,
         provenance = next.provenance, updated_at = ?
       from next
       where contacts.id = next.id
         and (contacts.groups is distinct from next.groups or contacts.edits is distinct from next.edits)
       returning 1
     ) select count(*) from changed`,
    [...groups.params, ...company.params, ...where.params, at],
  );
  return Number(counted?.count ?? 0);
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

const edited = "(c.edits ->> 'company') is not null";
const over = "c.provenance #> '{company,over}'";
/** What an edit stands over counts no more when it came by a merge that was undone since. */
const counts = `((${over} #>> '{origin,source}') is distinct from 'merge' or exists (
  select from contacts m where m.merged_into = c.id and m.id::text = (${over} #>> '{origin,from}')))`;

/** The columns `company`, `edits` and `provenance` after the change. */
function companyAfter(company: string | null | undefined, at: Date): Condition {
  if (company === undefined) return { sql: 'c.company, c.edits, c.provenance', params: [] };
  if (company === null)
    return {
      sql: `case when not (${edited}) then c.company when ${counts} then ${over} ->> 'value' end as company,
         c.edits - 'company' as edits,
         case when not (${edited}) then c.provenance
           when jsonb_typeof(${over} -> 'origin') = 'object' and ${counts}
             then c.provenance || jsonb_build_object('company', ${over} -> 'origin')
           else c.provenance - 'company' end as provenance`,
      params: [],
    };
  return {
    sql: `?::text as company, c.edits || jsonb_build_object('company', ?::text) as edits,
       case when c.edits ->> 'company' = ? then c.provenance else
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
