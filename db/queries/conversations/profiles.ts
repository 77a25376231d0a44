import type { MediaSource } from '../../../domain/seen-messages.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** A person whose name is to be asked for. */
export interface DueProfile {
  id: string;
  accountId: string;
  tenantId: string;
  /** The provider's ids of the person. */
  keys: string[];
}

/** Takes people that are to be looked up; nothing else looks for them then. System role. */
export const claimProfiles = (em: Em, limit: number): Promise<DueProfile[]> =>
  rows<DueProfile>(
    em,
    sql`update attendees a set profile_due = false where a.id in (
          select id from attendees where profile_due order by id limit ${limit} for no key update skip locked)
        returning a.id, a.account_id as "accountId", a.tenant_id as "tenantId", array[a.provider_attendee_id] || array(
          select key from provider_keys k where k.target_id = a.id and k.kind = 'attendee'
            and k.key <> a.provider_attendee_id order by key) as keys`,
  );

/** Their provider could not be asked now. */
export async function returnProfiles(em: Em, ids: readonly string[]): Promise<void> {
  if (!ids.length) return;
  await rows(em, sql`update attendees set profile_due = true where id = any(${[...ids]}::uuid[]) and name is null`);
}

export async function isProfileDue(em: Em): Promise<boolean> {
  const [found] = await rows<{ due: boolean }>(
    em,
    sql`select exists (select from attendees where profile_due limit 1) as due`,
  );
  return found?.due ?? false;
}

/** Writes what a provider showed of a person; a name that was told meanwhile stays. */
export async function saveProfile(
  em: Em,
  id: string,
  told: { name: string | null; pictureUrl: string | null; pictureSource: MediaSource | null },
  at: Date,
): Promise<void> {
  await rows(
    em,
    sql`update attendees set named_at = case when name is null and ${told.name}::text is not null then ${at}::timestamptz
            else named_at end,
          name = coalesce(name, ${told.name}), picture_url = coalesce(${told.pictureUrl}, picture_url),
          picture_source = coalesce(picture_source, ${JSON.stringify(told.pictureSource)}::jsonb), updated_at = ${at}
        where id = ${id}`,
  );
}
