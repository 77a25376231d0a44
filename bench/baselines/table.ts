import type { SeenContact } from '../../domain/contacts.ts';
import { newId } from '../../platform/ids.ts';

/**
 * Where the baselines write: the columns that the product keeps of a contact, one key, and nothing else: no aliases, no
 * row-level security, no sealing, no record of where a field came from.
 */
export const baselineTable = 'bench.contacts';

export const createBaselineTable = `
create schema if not exists bench;
create table ${baselineTable} (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null,
  phone_number text,
  saved_name text,
  push_name text,
  name text,
  verified_name text,
  company text,
  profile_image_url text,
  picture_at timestamptz,
  whatsapp_status text,
  is_business_account boolean not null,
  wasender_jid text not null,
  wasender_sync_status text not null,
  last_updated_from_wasender timestamptz,
  raw_wasender_data text,
  provenance jsonb not null default '{}',
  edits jsonb not null default '{}',
  groups text[] not null default '{}',
  merged_into uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (account_id, wasender_jid)
)`;

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
