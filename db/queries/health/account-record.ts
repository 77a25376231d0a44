import type { SyncKind, SyncState } from '../../../domain/syncs.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** How the reading of a kind goes: of the account as a whole, not of single conversations or people. */
export interface SyncRecord {
  kind: SyncKind;
  /** Of the newest run. */
  state: SyncState;
  reason: string | null;
  startedAt: Date;
  lastSucceededAt: Date | null;
  /** Runs that failed since the last one that did not. */
  failures: number;
}

export async function syncRecords(em: Em, accountId: string, kinds: readonly SyncKind[]): Promise<SyncRecord[]> {
  type Row = Omit<SyncRecord, 'startedAt' | 'lastSucceededAt'> & { startedAt: string; lastSucceededAt: string | null };
  const found = await rows<Row>(
    em,
    sql`select k.kind, newest.state, newest.reason, newest.started_at::text as "startedAt",
          good.ended_at::text as "lastSucceededAt",
          (select count(*)::int from sync_runs r
           where r.account_id = ${accountId}::uuid and r.kind = k.kind and r.scope = '' and r.state = 'failed'
             and not r.dry_run and (good.id is null or r.id > good.id)) as failures
        from unnest(${[...kinds]}::text[]) as k (kind)
        cross join lateral (
          select state, reason, started_at from sync_runs
          where account_id = ${accountId}::uuid and kind = k.kind and scope = '' and not dry_run
          order by id desc limit 1) newest
        left join lateral (
          select id, ended_at from sync_runs
          where account_id = ${accountId}::uuid and kind = k.kind and scope = '' and not dry_run and state = 'succeeded'
          order by id desc limit 1) good on true
        order by k.kind`,
  );
  return found.map((one) => ({
    ...one,
    startedAt: new Date(one.startedAt),
    lastSucceededAt: one.lastSucceededAt === null ? null : new Date(one.lastSucceededAt),
  }));
}

/** Reconnections of an account that succeeded. */
export interface Reconnects {
  reconnects: number;
  /** Those that needed no owner. */
  automatic: number;
  lastAt: Date | null;
}

/** The newest attempts that are looked at. */
const mostAttempts = 1_000;

export async function reconnectsOf(em: Em, accountId: string, since: Date): Promise<Reconnects> {
  const [found] = await rows<{ reconnects: number; automatic: number; lastAt: string | null }>(
    em,
    sql`select count(*)::int as reconnects, count(*) filter (where trigger = 'automatic')::int as automatic,
          max(ended_at)::text as "lastAt"
        from (select operation, trigger, state, ended_at from connection_attempts
          where account_id = ${accountId}::uuid order by number desc limit ${mostAttempts}) newest
        where operation = 'reconnect' and state = 'succeeded' and ended_at > ${since}`,
  );
  const { reconnects = 0, automatic = 0, lastAt = null } = found ?? {};
  return { reconnects, automatic, lastAt: lastAt === null ? null : new Date(lastAt) };
}

/** How much of an account's conversations is here, of what its provider has. */
export interface AccountCoverage {
  /** Conversations that a sync met; at most `mostConversations` are looked at. */
  conversations: number;
  /** Those of which the provider has something newer than what was read. */
  behind: number;
  /** Those of which nothing was read yet. */
  unread: number;
}

const mostConversations = 20_000;

export async function accountCoverage(em: Em, accountId: string): Promise<AccountCoverage> {
  const [found] = await rows<AccountCoverage>(
    em,
    sql`select count(*)::int as conversations,
          count(*) filter (where covered_to < provider_newest_at)::int as behind,
          count(*) filter (where covered_to is null)::int as unread
        from (select covered_to, provider_newest_at from conversation_history
          where account_id = ${accountId}::uuid limit ${mostConversations}) met`,
  );
  return found ?? { conversations: 0, behind: 0, unread: 0 };
}

/** Messages of an account that are on their way. */
export interface SendQueueRecord {
  /** Not handed over yet, scheduled ones too; at most `mostSends` are looked at. */
  waiting: number;
  /** Of which nothing proves whether they were sent: a person decides. */
  unclear: number;
  /** Nothing is sent until then, and why. */
  holdsUntil: Date | null;
  holdsFor: string | null;
}

const mostSends = 20_000;

export async function sendQueueOf(em: Em, accountId: string, now: Date): Promise<SendQueueRecord> {
  const [found] = await rows<Omit<SendQueueRecord, 'holdsUntil'> & { holdsUntil: string | null }>(
    em,
    sql`select (select holds_until::text from send_queues where account_id = ${accountId}::uuid and holds_until > ${now})
            as "holdsUntil",
          (select holds_for from send_queues where account_id = ${accountId}::uuid and holds_until > ${now}) as "holdsFor",
          count(*) filter (where state <> 'unclear')::int as waiting,
          count(*) filter (where state = 'unclear')::int as unclear
        from (select state from message_sends
          where account_id = ${accountId}::uuid and state in ('queued', 'sending', 'unclear')
          order by next_try_at limit ${mostSends}) open`,
  );
  const { waiting = 0, unclear = 0, holdsUntil = null, holdsFor = null } = found ?? {};
  return { waiting, unclear, holdsUntil: holdsUntil === null ? null : new Date(holdsUntil), holdsFor };
}
