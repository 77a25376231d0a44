import type { ConversationHistory } from '../../entities/conversations.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** How far a conversation was read; times are RFC 3339. */
export type HistoryRow = Pick<ConversationHistory, 'key' | 'conversationId' | 'isRead' | 'pass' | 'cursor'> & {
  [Name in 'providerNewestAt' | 'coveredFrom' | 'coveredTo' | 'passNewest' | 'passOldest']: string | null;
};

const columns = sql`key, conversation_id as "conversationId", is_read as "isRead", pass, cursor,
  provider_newest_at::text as "providerNewestAt", covered_from::text as "coveredFrom", covered_to::text as "coveredTo",
  pass_newest::text as "passNewest", pass_oldest::text as "passOldest"`;

/**
 * Notes conversations that a sync met, by their first keys, and returns how far each was read. What another sync left half
 * read begins anew: its cursor may be too old. Conversations that are not stored are left out.
 */
export const meetConversations = (
  em: Em,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  runId: string,
  met: readonly { key: string; newestAt: Date | null }[],
): Promise<HistoryRow[]> =>
  rows(
    em,
    sql`insert into conversation_history as h (account_id, key, tenant_id, conversation_id, provider_newest_at, run_id,
          is_read)
        select distinct on (g.key) ${accountId}::uuid, g.key, ${tenantId}::uuid, k.target_id, g."newestAt",
          ${runId}::uuid, false
        from ${recordset(met, sql`(key text, "newestAt" timestamptz)`)} as g
        join provider_keys k on k.account_id = ${accountId} and k.kind = 'conversation' and k.key = g.key
        where k.target_id is not null order by g.key, g."newestAt" desc nulls last
        on conflict (account_id, key) do update set conversation_id = excluded.conversation_id, run_id = excluded.run_id,
          provider_newest_at = greatest(h.provider_newest_at, excluded.provider_newest_at),
          is_read = h.is_read and h.run_id = excluded.run_id
            and coalesce(excluded.provider_newest_at <= h.provider_newest_at, true),
          pass = case when h.run_id = excluded.run_id then h.pass end,
          cursor = case when h.run_id = excluded.run_id then h.cursor end,
          pass_newest = case when h.run_id = excluded.run_id then h.pass_newest end,
          pass_oldest = case when h.run_id = excluded.run_id then h.pass_oldest end
        returning ${columns}`,
  );

/** Stores how far a conversation was read. */
export async function saveHistory(em: Em, accountId: string, row: HistoryRow): Promise<void> {
  await rows(
    em,
    sql`update conversation_history set is_read = ${row.isRead}, pass = ${row.pass}, cursor = ${row.cursor},
          covered_from = ${row.coveredFrom}, covered_to = ${row.coveredTo}, pass_newest = ${row.passNewest},
          pass_oldest = ${row.passOldest}
        where account_id = ${accountId} and key = ${row.key}`,
  );
}

/** Of an account or of conversations: they are read anew by the next sync. */
export async function forgetHistory(
  em: Em,
  of: { accountId: string } | { conversations: readonly string[] },
): Promise<void> {
  const chosen =
    'accountId' in of ? sql`account_id = ${of.accountId}` : sql`conversation_id = any(${of.conversations}::uuid[])`;
  await rows(em, sql`delete from conversation_history where ${chosen}`);
}

/** How much of a conversation is here, of what its provider has. */
export interface Coverage {
  conversationId: string;
  providerNewestAt: string | null;
  coveredFrom: string | null;
  coveredTo: string | null;
}

/** Of conversations that are several ones at the provider, what all of them have. */
export const coverageOf = (em: Em, conversations: readonly string[]): Promise<Coverage[]> =>
  rows(
    em,
    sql`select conversation_id as "conversationId", max(provider_newest_at)::text as "providerNewestAt",
          case when bool_and(covered_to is not null) then max(covered_from)::text end as "coveredFrom",
          case when bool_and(covered_to is not null) then min(covered_to)::text end as "coveredTo"
        from conversation_history where conversation_id = any(${conversations}::uuid[]) group by 1`,
  );

/** Messages of a conversation since a time. */
export async function countSince(em: Em, conversationId: string, since: string): Promise<number> {
  const [found] = await rows<{ n: number }>(
    em,
    sql`select count(*)::int as n from messages where conversation_id = ${conversationId} and sent_at >= ${since}`,
  );
  return found?.n ?? 0;
}

/** The ids by which the provider knows conversations of an account, the first one first. */
export const keysOfConversations = (
  em: Em,
  accountId: string,
  ids: readonly string[],
): Promise<{ id: string; keys: string[] }[]> =>
  rows(
    em,
    sql`select c.id, array_agg(k.key order by k.key <> c.provider_conversation_id, k.created_at, k.key) as keys
        from conversations c join provider_keys k on k.target_id = c.id and k.kind = 'conversation'
        where c.account_id = ${accountId} and c.id = any(${ids}::uuid[]) group by c.id order by c.id`,
  );

/** How far a tenant wants history to be read. */
interface HistoryDepth {
  days: number;
  /** Of each conversation. */
  messages: number;
}

/** What a sync of an account has to know before it reads. */
export interface HistoryBounds {
  depth: HistoryDepth;
  /** How many days the tenant keeps messages; null: without limit. */
  keptDays: number | null;
  /** Since when messages of the account are news. */
  liveSince: Date;
  /** When the account was last read as a whole. */
  lastReadAt: Date | null;
  /** Since when the provider tells of messages by webhook; null where it tells of none. */
  listeningSince: Date | null;
}

export async function historyBounds(
  em: Em,
  { tenantId, accountId }: { tenantId: string; accountId: string },
): Promise<HistoryBounds> {
  const [found] = await rows<
    HistoryDepth & {
      keptDays: number | null;
      liveSince: string;
      lastReadAt: string | null;
      listeningSince: string | null;
    }
  >(
    em,
    sql`select least(t.history_days, t.message_retention_days) as days, t.message_retention_days as "keptDays", t.history_messages as messages,
          coalesce((
            select min(ended_at) from connection_attempts
            where account_id = a.id and state = 'succeeded' and operation <> 'disconnect'), a.created_at)::text as "liveSince",
          (select max(started_at) from sync_runs
           where account_id = a.id and kind = 'conversations' and scope = '' and state = 'succeeded')::text as "lastReadAt",
          case when (a.provider_config #>> '{notification_preferences,messages}')::boolean
            then a.listening_since::text end as "listeningSince"
        from accounts a join tenants t on t.id = a.tenant_id where a.id = ${accountId} and t.id = ${tenantId}`,
  );
  const {
    days = 0,
    messages = 0,
    keptDays = null,
    liveSince = '',
    lastReadAt = null,
    listeningSince = null,
  } = found ?? {};
  return {
    depth: { days, messages },
    keptDays,
    liveSince: new Date(liveSince),
    lastReadAt: lastReadAt === null ? null : new Date(lastReadAt),
    listeningSince: listeningSince === null ? null : new Date(listeningSince),
  };
}
