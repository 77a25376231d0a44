import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What is changed of a conversation; a missing field stays as it is. */
export interface ConversationChange {
  read?: boolean | undefined;
  /** A time: until then. */
  muted?: boolean | Date | undefined;
  archived?: boolean | undefined;
  pinned?: boolean | undefined;
  labels?: readonly string[] | undefined;
}

/** A conversation's row, locked until the end of the transaction, with what a provider can have of it. */
export interface LockedConversation {
  id: string;
  tenantId: string;
  accountId: string;
  archived: boolean;
  pinned: boolean;
  muted: boolean;
  mutedUntil: Date | null;
}

/** Null where there is none. */
export async function lockConversation(em: Em, id: string): Promise<LockedConversation | null> {
  const [found] = await rows<Omit<LockedConversation, 'mutedUntil'> & { mutedUntil: string | null }>(
    em,
    sql`select id, tenant_id as "tenantId", account_id as "accountId", archived, pinned, muted,
          muted_until::text as "mutedUntil"
        from conversations where id = ${id} for no key update`,
  );
  return found ? { ...found, mutedUntil: found.mutedUntil === null ? null : new Date(found.mutedUntil) } : null;
}

/** In one statement, so that a message that comes meanwhile is counted before it or after it. */
export async function changeConversation(em: Em, id: string, change: ConversationChange, now: Date): Promise<void> {
  const { read, muted, archived, pinned, labels } = change;
  const set = [sql`updated_at = ${now}`];
  if (read === true)
    set.push(
      sql`read_up_to = greatest(read_up_to, last_message_at)`,
      sql`unread_count = 0`,
      sql`marked_unread = false`,
    );
  if (read === false) set.push(sql`marked_unread = true`);
  if (muted !== undefined)
    set.push(sql`muted = ${muted !== false}`, sql`muted_until = ${muted instanceof Date ? muted : null}::timestamptz`);
  if (archived !== undefined) set.push(sql`archived = ${archived}`);
  if (pinned !== undefined) set.push(sql`pinned = ${pinned}`);
  if (labels !== undefined) set.push(sql`labels = ${[...labels]}::text[]`);
  await rows(em, sql`update conversations set ${sql.join(set)} where id = ${id}`);
}
