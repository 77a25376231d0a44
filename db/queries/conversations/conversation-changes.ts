import type { ChangedField, ChangeState, ProviderWord } from '../../../domain/conversations.ts';
import type { ConversationChange } from '../../entities/conversations.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

/** A change as it is requested. */
export type Requested = Pick<ConversationChange, 'field' | 'state' | 'providerHad' | 'reason' | 'detail'>;

/**
 * Writes the newest change of some fields over earlier ones. The caller has locked the conversation. A call for an earlier
 * change that may still take effect is waited for.
 */
export async function requestChanges(
  em: Em,
  of: { id: string; tenantId: string; accountId: string },
  changes: readonly Requested[],
  now: Date,
): Promise<void> {
  await rows(
    em,
    sql`insert into conversation_changes as c (conversation_id, field, tenant_id, account_id, state, version,
          provider_had, next_try_at, tries, reason, detail, requested_at)
        select ${of.id}, field, ${of.tenantId}, ${of.accountId}, state, 1, "providerHad", ${now}, 0, reason, detail, ${now}
        from ${recordset(changes, sql`(field text, state text, "providerHad" jsonb, reason text, detail text)`)} as g
        on conflict (conversation_id, field) do update set state = excluded.state, version = c.version + 1,
          provider_had = case when c.state = 'synced' then excluded.provider_had else c.provider_had end,
          next_try_at = greatest(excluded.next_try_at, c.unsure_until), tries = 0, tried_since = null,
          reason = excluded.reason, detail = excluded.detail, requested_at = excluded.requested_at, synced_at = null`,
  );
}

/** A change that the provider is to be told of, with the conversation's values. */
export interface DueChange {
  conversationId: string;
  field: ChangedField;
  version: number;
  triedSince: Date | null;
  tries: number;
  archived: boolean;
  pinned: boolean;
  muted: boolean;
  mutedUntil: Date | null;
  markedUnread: boolean;
  readUpTo: Date | null;
  unreadCount: number;
  /** No message of it has reached the provider: the provider may not know it yet. */
  isNew: boolean;
}

type Texts = 'triedSince' | 'mutedUntil' | 'readUpTo';

/** The change of an account that is due first, locked. */
export async function nextChange(em: Em, accountId: string, now: Date): Promise<DueChange | null> {
  const [found] = await rows<Omit<DueChange, Texts> & Record<Texts, string | null>>(
    em,
    sql`select r.conversation_id as "conversationId", r.field, r.version, r.tried_since::text as "triedSince",
          r.tries, c.archived, c.pinned, c.muted, c.muted_until::text as "mutedUntil", c.marked_unread as "markedUnread", c.read_up_to::text as "readUpTo",
          c.unread_count as "unreadCount",
          exists (select from message_sends s where s.conversation_id = c.id)
            and not exists (select from messages m where m.conversation_id = c.id and m.provider_message_id is not null)
            as "isNew"
        from conversation_changes r join conversations c on c.id = r.conversation_id
        where r.account_id = ${accountId} and r.state = 'pending' and r.next_try_at <= ${now}
        order by r.next_try_at, r.requested_at, r.conversation_id, r.field limit 1 for no key update of r`,
  );
  if (!found) return null;
  const [triedSince, mutedUntil, readUpTo] = [found.triedSince, found.mutedUntil, found.readUpTo].map(dateOf);
  return { ...found, triedSince: triedSince ?? null, mutedUntil: mutedUntil ?? null, readUpTo: readUpTo ?? null };
}

/** When a change of an account is due next; null where none is pending. */
export async function nextChangeAt(em: Em, accountId: string): Promise<Date | null> {
  const [found] = await rows<{ at: string | null }>(
    em,
    sql`select min(next_try_at)::text as at from conversation_changes
        where account_id = ${accountId} and state = 'pending'`,
  );
  return dateOf(found?.at ?? null);
}

/** The change that an outcome is of. */
export type ChangeRef = Pick<DueChange, 'conversationId' | 'field' | 'version'>;

/** Marks a change whose call begins: until `until` it is not known whether the call took effect. */
export async function beginCall(em: Em, { conversationId, field }: ChangeRef, now: Date, until: Date): Promise<void> {
  await rows(
    em,
    sql`update conversation_changes set tries = tries + 1, tried_since = coalesce(tried_since, ${now}),
          unsure_until = ${until}, next_try_at = ${until}
        where conversation_id = ${conversationId} and field = ${field}`,
  );
}

/** What became of a change. */
export interface SettledChange {
  state: ChangeState;
  /** While it is pending. */
  nextTryAt?: Date;
  reason?: string | null;
  detail?: string | null;
  /** The time that it was tried does not count. */
  startsAnew?: boolean;
}

/** Writes what became of a change; false where a newer one has replaced it. */
export async function settleChange(
  em: Em,
  { conversationId, field, version }: ChangeRef,
  { state, nextTryAt, reason = null, detail = null, startsAnew = false }: SettledChange,
  /** Whether it is known what the call did. */
  isCertain: boolean,
  now: Date,
): Promise<boolean> {
  const settled = await rows(
    em,
    sql`update conversation_changes set state = ${state}, next_try_at = ${nextTryAt ?? now}, reason = ${reason},
          detail = ${detail}, synced_at = ${state === 'synced' ? now : null}::timestamptz,
          unsure_until = case when ${isCertain} then null else unsure_until end,
          tried_since = case when ${startsAnew} then null else tried_since end
        where conversation_id = ${conversationId} and field = ${field} and version = ${version} returning field`,
  );
  return settled.length > 0;
}

/** A newer change need not wait any longer for the call of an earlier one; where that one succeeded, `word` is what it told. */
export async function releaseNewerChange(
  em: Em,
  { conversationId, field, version }: ChangeRef,
  word: ProviderWord | undefined,
  now: Date,
): Promise<void> {
  const had = word === undefined ? sql`` : sql`, provider_had = ${JSON.stringify(word)}::jsonb`;
  await rows(
    em,
    sql`update conversation_changes set unsure_until = null, next_try_at = ${now}${had}
        where conversation_id = ${conversationId} and field = ${field} and version > ${version} and state = 'pending'`,
  );
}

/** No change of the account is tried before `until`. */
export async function holdChanges(em: Em, accountId: string, until: Date): Promise<void> {
  await rows(
    em,
    sql`update conversation_changes set next_try_at = ${until}
        where account_id = ${accountId} and state = 'pending' and next_try_at < ${until}`,
  );
}

/** A change, as what a provider tells is weighed against it. */
export type StoredChange = Pick<ConversationChange, 'conversationId' | 'field' | 'state' | 'providerHad' | 'syncedAt'>;

/** The changes of some conversations; labels are no provider's. */
export async function changesOf(em: Em, conversations: readonly string[]): Promise<StoredChange[]> {
  const found = await rows<Omit<StoredChange, 'syncedAt'> & { syncedAt: string | null }>(
    em,
    sql`select conversation_id as "conversationId", field, state, provider_had as "providerHad",
          synced_at::text as "syncedAt"
        from conversation_changes where conversation_id = any(${[...conversations]}::uuid[]) and field <> 'labels'`,
  );
  return found.map((row) => ({ ...row, syncedAt: dateOf(row.syncedAt) }));
}

const overruled = sql`("conversationId" uuid, field text, agrees boolean, unmarks boolean)`;

/** A change that counts no more, or that the provider has without being told. */
export interface Overruled {
  conversationId: string;
  field: ChangedField;
  agrees: boolean;
  /** The conversation is not marked as unread any more. */
  unmarks: boolean;
}

/** The provider has the same, without being told; or was changed by others later: then the change counts no more. */
export async function overruleChanges(em: Em, changes: readonly Overruled[], now: Date): Promise<void> {
  await rows(
    em,
    sql`with g as (select * from ${recordset(changes, overruled)} as g),
      agreed as (
        update conversation_changes c set state = 'synced', synced_at = ${now}, reason = null, detail = null from g
        where c.conversation_id = g."conversationId" and c.field = g.field and g.agrees),
      read as (
        update conversations c set marked_unread = false from g
        where c.id = g."conversationId" and g.unmarks)
      delete from conversation_changes c using g
      where c.conversation_id = g."conversationId" and c.field = g.field and not g.agrees`,
  );
}
