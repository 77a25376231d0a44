import { phoneIdentity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

// Contacts known by a LID alone whose number was not requested yet.
const withoutNumber = sql`c.merged_into is null and c.phone_number is null and c.lid_asked_at is null`;
const underLid = sql`contact_aliases a where a.account_id = c.account_id and a.kind = 'lid' and a.value = c.wasender_jid`;

// Lacks a picture's address, or the number of a LID.
const hasIncomplete = sql`exists (
  select from contacts c where c.account_id = accounts.id and c.merged_into is null
    and (c.picture_at is null or (${withoutNumber} and exists (select from ${underLid}))))`;

const dayMs = 86_400_000;

/**
 * What completion is due after contacts were written: at once where they lack a picture or a number, unless the day's quota or
 * the provider deferred it by less than a day.
 */
export const dueForCompletion = (at: Date) => sql`(
  case when (pictures_due_at is null or pictures_due_at > ${new Date(at.getTime() + dayMs)}) and ${hasIncomplete}
    then ${at}::timestamptz else pictures_due_at end)`;

/** Has an account completed where its contacts lack something. */
export async function noteIncomplete(em: Em, accountId: string, at: Date): Promise<void> {
  await rows(
    em,
    sql`update accounts set pictures_due_at = ${dueForCompletion(at)}
        where id = ${accountId} and pictures_due_at is distinct from ${dueForCompletion(at)}`,
  );
}

export const contactsUnderLid = (em: Em, accountId: string, limit: number): Promise<{ id: string; lid: string }[]> =>
  rows(
    em,
    sql`select c.id, c.wasender_jid as lid from contacts c
        where c.account_id = ${accountId} and ${withoutNumber} and exists (select from ${underLid})
        order by c.id limit ${limit}`,
  );

export async function noteLidAsked(em: Em, id: string, at: Date): Promise<void> {
  await rows(em, sql`update contacts set lid_asked_at = ${at} where id = ${id}`);
}

/**
 * Gives the contact with this LID the alias of a number that the provider told for it, and answers the contact that has
 * the number: another one where the two are one person. Null where entries of the address book tell another number for
 * the LID, or another LID for the number.
 */
export async function addPhoneAlias(
  em: Em,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  contact: { id: string; lid: string },
  phone: string,
): Promise<string | null> {
  const { value } = phoneIdentity(phone);
  const known = await rows<{ value: string; contact_id: string; pair: string | null }>(
    em,
    sql`select value, contact_id, pair from contact_aliases
        where account_id = ${accountId} and kind in ('jid', 'lid') and value = any(${[value, contact.lid]}::text[])`,
  );
  if (known.some(({ value: one, pair }) => pair && pair !== (one === value ? contact.lid : value))) return null;
  await rows(
    em,
    sql`insert into contact_aliases (account_id, kind, value, tenant_id, contact_id, pair)
        values (${accountId}, 'jid', ${value}, ${tenantId}, ${contact.id}, ${contact.lid})
        on conflict (account_id, kind, value) do update set pair = excluded.pair`,
  );
  await rows(
    em,
    sql`update contact_aliases set pair = ${value}
        where account_id = ${accountId} and kind = 'lid' and value = ${contact.lid}`,
  );
  return known.find((one) => one.value === value)?.contact_id ?? contact.id;
}

const asked = sql`coalesce(wasender_jid, phone_number)`;

/** Contacts without a picture's address, else those with one older than `before`, oldest first. */
export async function contactsWithoutPicture(
  em: Em,
  accountId: string,
  before: Date,
  limit: number,
): Promise<{ id: string; identity: string }[]> {
  const select = sql`select id, ${asked} as identity from contacts
    where account_id = ${accountId} and merged_into is null and ${asked} is not null`;
  const unknown = await rows<{ id: string; identity: string }>(
    em,
    sql`${select} and picture_at is null order by id limit ${limit}`,
  );
  if (unknown.length) return unknown;
  return rows(em, sql`${select} and picture_at < ${before} order by picture_at limit ${limit}`);
}

export async function oldestPicture(em: Em, accountId: string): Promise<Date | null> {
  const [oldest] = await rows<{ at: string | null }>(
    em,
    sql`select min(picture_at)::text as at from contacts where account_id = ${accountId} and merged_into is null`,
  );
  return oldest?.at ? new Date(oldest.at) : null;
}

export async function notePicturesAsked(em: Em, ids: readonly string[], at: Date): Promise<void> {
  await rows(em, sql`update contacts set picture_at = ${at} where id = any(${ids}::uuid[])`);
}

/** Does nothing where completion was cancelled meanwhile. */
export async function deferCompletion(em: Em, accountId: string, at: Date | null): Promise<void> {
  await rows(
    em,
    sql`update accounts set pictures_due_at = ${at} where id = ${accountId} and pictures_due_at is not null`,
  );
}
