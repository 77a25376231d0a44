import { phoneIdentity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** `contacts c` that are known by a LID alone, whose number has not been asked for. */
const withoutNumber = sql`c.merged_into is null and c.phone_number is null and c.lid_asked_at is null`;
const underLid = sql`contact_aliases a where a.account_id = c.account_id and a.kind = 'lid' and a.value = c.wasender_jid`;

/** Whether `accounts` has contacts without a picture's address, or with a LID whose number has not been asked for. */
export const hasIncomplete = sql`exists (
  select from contacts c where c.account_id = accounts.id and c.merged_into is null
    and (c.picture_at is null or (${withoutNumber} and exists (select from ${underLid}))))`;

/** Contacts whose LID has not been asked about. */
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
 * Gives a contact the alias of a number. Answers the contact that has that alias already, and changes nothing then; null
 * where none has.
 */
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

/** The identity or number by which the provider is asked for a contact's picture. */
const asked = sql`coalesce(wasender_jid, phone_number)`;

/** Contacts whose picture's address was never given, else those whose address is older than `before`, oldest first. */
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

/** When the oldest address of a picture of an account was given. */
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

/** When the account's contacts are to be completed next; left alone where that was cancelled meanwhile. */
export async function deferCompletion(em: Em, accountId: string, at: Date | null): Promise<void> {
  await rows(
    em,
    sql`update accounts set pictures_due_at = ${at} where id = ${accountId} and pictures_due_at is not null`,
  );
}
