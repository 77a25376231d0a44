import type { SeenContact } from '../../domain/contacts.ts';
import { newId } from '../../platform/ids.ts';

/**
 * Where the baselines write: the product's own table with its indexes, and a key by JID in the place of aliases. No
 * references, no row-level security, no sealing, no record of where a field came from.
 */
export const baselineTable = 'bench.contacts';

export const createBaselineTable = `
create schema if not exists bench;
create table ${baselineTable} (like contacts including all, unique (account_id, wasender_jid))`;

/** Whose contacts a baseline writes. */
export interface Whose {
  tenantId: string;
  accountId: string;
}

/** A row as a plain loop would write it. */
export const rowOf = ({ tenantId, accountId }: Whose, seen: SeenContact, now: Date) => ({
  id: newId(),
  tenant_id: tenantId,
  account_id: accountId,
  phone_number: seen.phone,
  saved_name: seen.name,
  push_name: seen.pushName,
  name: seen.name ?? seen.pushName,
  verified_name: seen.verifiedName,
  company: seen.company,
  profile_image_url: seen.pictureUrl ?? null,
  picture_at: seen.pictureUrl === undefined ? null : now,
  whatsapp_status: seen.status,
  is_business_account: seen.isBusiness,
  wasender_jid: seen.id,
  wasender_sync_status: 'synced',
  last_updated_from_wasender: now,
  raw_wasender_data: JSON.stringify(seen.raw),
  created_at: now,
  updated_at: now,
});
