import { phoneIdentity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

// Contacts known by a LID alone whose number was not requested yet.
const withoutNumber = sql`c.merged_into is null and c.phone_number is null and c.lid_asked_at is null`;
const underLid = sql`contact_aliases a where a.account_id = c.account_id and a.kind = 'lid' and a.value = c.wasender_jid`;

// Lacks a picture's address, or the number of a LID.
export const hasIncomplete = sql`exists (
  select from contacts c where c.account_id = accounts.id and c.merged_into is null
    and (c.picture_at is null or (${withoutNumber} and exists (select from ${underLid}))))`;

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

/** Adds a number's alias; null on success, else the contact that has the alias already. */
export async function addPhoneAlias(
  em: Em,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  contactId: string,
  phone: string,
): Promise<string | null> {
  const { kind, value } = phoneIdentity(phone);
  const [owner] = await rows<{ id: string }>(
    em,
    sql`select contact_id as id from contact_aliases
        where account_id = ${accountId} and kind = ${kind} and value = ${value}`,
  );
  if (owner) return owner.id;
  await rows(
    em,
    sql`insert into contact_aliases (account_id, kind, value, tenant_id, contact_id)
        values (${accountId}, ${kind}, ${value}, ${tenantId}, ${contactId})`,
  );
  return null;
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
