import { createHash, randomBytes } from 'node:crypto';
import type { Scope } from '../../../domain/scopes.ts';
import type { Em } from '../../connect.ts';
import { RealtimeTicket } from '../../entities/tenants.ts';
import { rows, sql } from '../../sql.ts';

const hashTicket = (ticket: string): string => createHash('sha256').update(ticket).digest('hex');

/** Milliseconds in which a ticket can be used. */
const validMs = 30_000;

/** Only the result holds the ticket: it cannot be shown again. An earlier ticket under the same id no longer works. */
export async function createTicket(
  em: Em,
  { id, tenantId, keyId, now }: { id: string; tenantId: string; keyId: string; now: Date },
): Promise<{ ticket: string; expiresAt: Date }> {
  const ticket = `pbt_${randomBytes(32).toString('base64url')}`;
  const expiresAt = new Date(now.getTime() + validMs);
  await em.nativeDelete(RealtimeTicket, { id });
  em.persist(em.create(RealtimeTicket, { id, tenantId, keyId, hash: hashTicket(ticket), createdAt: now, expiresAt }));
  return { ticket, expiresAt };
}

/**
 * Uses a ticket up, and answers the key that made it. Null where it is unknown, used or expired, or the key is revoked.
 * System role.
 */
export async function takeTicket(
  em: Em,
  ticket: string,
  now: Date,
): Promise<{ keyId: string; tenantId: string; scopes: Scope[] } | null> {
  const [taken] = await rows<{ keyId: string; tenantId: string; scopes: Scope[] }>(
    em,
    sql`delete from realtime_tickets t using api_keys k
        where t.hash = ${hashTicket(ticket)} and t.expires_at > ${now} and k.id = t.key_id and k.revoked_at is null
        returning k.id as "keyId", k.tenant_id as "tenantId", k.scopes`,
  );
  return taken ?? null;
}
