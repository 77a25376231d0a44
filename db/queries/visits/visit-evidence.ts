import type { Account } from '../../entities/accounts.ts';
import type { AccountVisit } from '../../entities/account-visits.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What is known of an account before it is visited. Times are milliseconds since the epoch. */
export interface VisitEvidence
  extends
    Pick<
      Account,
      | 'id'
      | 'tenantId'
      | 'provider'
      | 'channel'
      | 'state'
      | 'reason'
      | 'identity'
      | 'connectionConfig'
      | 'providerConfig'
      | 'providerAccountId'
    >,
    Pick<AccountVisit, 'failures' | 'gaps' | 'webhookState' | 'webhookRepairs' | 'detailsFaults' | 'behind'> {
  listeningAt: number | null;
  detailsAt: number | null;
  compareDueAt: number | null;
  detailsDueAt: number | null;
  newsAt: number | null;
  foundAt: number | null;
  /** When a visit failed last. */
  failedAt: number | null;
  webhookCheckedAt: number | null;
  webhookRepairedAt: number | null;
  /** The last event that the visit before knew, and the newest one. */
  lastEventAt: number | null;
  newestEventAt: number | null;
  usualGapMs: number | null;
  silentSince: number | null;
  silenceExplainedAt: number | null;
  /** Webhooks missed messages lately. */
  isWatched: boolean;
  isAttemptOpen: boolean;
}

const ms = (column: string) => sql`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;

/** Of accounts that are leased. An index serves each of its parts, whatever the accounts have received. System role. */
export const evidenceOf = (em: Em, lease: string, accounts: readonly string[], now: Date): Promise<VisitEvidence[]> =>
  rows(
    em,
    sql`select a.id, a.tenant_id as "tenantId", a.provider, a.channel, a.state, a.reason, a.identity,
          a.connection_config as "connectionConfig", a.provider_config as "providerConfig",
          a.provider_account_id as "providerAccountId",
          v.failures, v.gaps, v.webhook_state as "webhookState", v.webhook_repairs as "webhookRepairs",
          v.details_faults as "detailsFaults", v.behind,
          ${ms('a.listening_since')} as "listeningAt", ${ms('a.details_at')} as "detailsAt",
          ${ms('a.history_due_at')} as "compareDueAt", ${ms('v.details_due_at')} as "detailsDueAt",
          ${ms('v.news_at')} as "newsAt", ${ms('v.found_at')} as "foundAt",
          ${ms('v.failed_at')} as "failedAt",
          ${ms('v.webhook_checked_at')} as "webhookCheckedAt", ${ms('v.webhook_repaired_at')} as "webhookRepairedAt",
          ${ms('v.last_event_at')} as "lastEventAt", ${ms('newest.at')} as "newestEventAt",
          v.usual_gap_seconds * 1000::float8 as "usualGapMs",
          ${ms('v.silent_since')} as "silentSince", ${ms('v.silence_explained_at')} as "silenceExplainedAt",
          w.account_id is not null as "isWatched",
          exists (select from connection_attempts t where t.account_id = a.id and t.state = 'running') as "isAttemptOpen"
        from account_visits v join accounts a on a.id = v.account_id
        left join webhook_watches w on w.account_id = a.id
        left join lateral (
          -- Partitions of the days since the last visit alone; the newest event is the first of the index.
          select e.received_at as at from webhook_events e
          where e.account_id = a.id
            and e.received_at >= date_trunc('day', coalesce(v.visited_at, ${now}::timestamptz) - interval '1 hour', 'UTC')
          order by e.id desc limit 1) newest on true
        where v.account_id = any(${accounts}::uuid[]) and v.lease = ${lease} order by a.id`,
  );
