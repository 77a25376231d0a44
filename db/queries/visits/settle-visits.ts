import type { DetailsFault } from '../../../domain/account-integrity.ts';
import type { VisitOutcome, WebhookState } from '../../../domain/visits.ts';
import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** What is written of a visit. Times are milliseconds since the epoch; null keeps nothing, undefined what was there. */
export interface SettledVisit {
  id: string;
  outcome: VisitOutcome;
  reason: string | null;
  failures: number;
  dueAt: number;
  intervalSeconds: number;
  found: number;
  newsAt: number | null;
  behind: number | null;
  webhook: {
    state: WebhookState;
    expected: string | null;
    actual: string | null;
    missing: readonly string[];
    repaired: boolean;
  } | null;
  lastEventAt: number | null;
  usualGapSeconds: number | null;
  gaps: number;
  silentSince: number | null;
  isExplained: boolean;
  detailsDueAt: number | null;
  detailsFaults: readonly DetailsFault[] | null;
}

const columns = sql`(id uuid, outcome text, reason text, failures int, "dueAt" float8, "intervalSeconds" int, found int,
  "newsAt" float8, behind int, webhook jsonb, "lastEventAt" float8, "usualGapSeconds" int, gaps int,
  "silentSince" float8, "isExplained" boolean, "detailsDueAt" float8, "detailsFaults" text[])`;

/**
 * Writes visits where their lease still holds, and when each account was synced last; how many were written. Accounts that
 * another transaction holds keep their older time. System role.
 */
export async function settleVisits(em: Em, lease: string, visits: readonly SettledVisit[], now: Date): Promise<number> {
  const settled = await rows<{ id: string; ok: boolean }>(
    em,
    sql`update account_visits v set lease = null, again = false,
          due_at = case when v.again then ${now} else to_timestamp(s."dueAt" / 1000) end,
          visited_at = ${now}, outcome = s.outcome, reason = s.reason, failures = s.failures,
          succeeded_at = case when s.outcome = 'ok' then ${now} else v.succeeded_at end,
          failed_at = case when s.outcome = 'failed' then ${now} else v.failed_at end,
          interval_seconds = s."intervalSeconds", found = s.found,
          found_at = case when s.found > 0 then ${now} else v.found_at end,
          news_at = coalesce(to_timestamp(s."newsAt" / 1000), v.news_at), behind = coalesce(s.behind, v.behind),
          webhook_state = coalesce(s.webhook->>'state', v.webhook_state),
          webhook_expected = case when s.webhook is null then v.webhook_expected else s.webhook->>'expected' end,
          webhook_actual = case when s.webhook is null then v.webhook_actual else s.webhook->>'actual' end,
          webhook_missing = case when s.webhook is null then v.webhook_missing
            else array(select jsonb_array_elements_text(s.webhook->'missing')) end,
          webhook_checked_at = case when s.webhook is null then v.webhook_checked_at else ${now} end,
          webhook_repaired_at = case when (s.webhook->>'repaired')::boolean then ${now} else v.webhook_repaired_at end,
          webhook_repairs = case when s.webhook->>'state' = 'ok' and not (s.webhook->>'repaired')::boolean then 0
            when (s.webhook->>'repaired')::boolean then v.webhook_repairs + 1 else v.webhook_repairs end,
          last_event_at = to_timestamp(s."lastEventAt" / 1000), usual_gap_seconds = s."usualGapSeconds", gaps = s.gaps,
          silent_since = to_timestamp(s."silentSince" / 1000),
          silence_explained_at = case when s."silentSince" is null then null when s."isExplained" then ${now}
            else v.silence_explained_at end,
          details_due_at = to_timestamp(s."detailsDueAt" / 1000),
          details_faults = coalesce(s."detailsFaults", v.details_faults)
        from ${recordset(visits, columns)} s where v.account_id = s.id and v.lease = ${lease}
        returning v.account_id as id, s.outcome = 'ok' as ok`,
  );
  const synced = settled.filter(({ ok }) => ok).map(({ id }) => id);
  if (synced.length)
    await rows(
      em,
      sql`update accounts set last_sync_at = ${now} where id in (
            select id from accounts where id = any(${synced}::uuid[]) order by id for no key update skip locked)`,
    );
  return settled.length;
}

/** How the calls of a group of visits went. */
export interface BucketNews {
  /** Of visits that called the provider; null where none did. */
  meanMs: number | null;
  /** Most of them failed for the provider's trouble. */
  isDown: boolean;
}

/** Weight of the newest group in the average of a visit's time. */
const weight = 0.3;
/** The shortest rest of credentials whose provider has trouble, and the longest, in seconds. */
const rest = { shortest: 30, longest: 240 };

/** Remembers how slow a provider is, and lets credentials rest whose provider has trouble. System role. */
export async function noteBucket(em: Em, credentialsId: string, news: BucketNews, now: Date): Promise<void> {
  const { meanMs, isDown } = news;
  if (meanMs === null) return;
  await rows(
    em,
    sql`update provider_credentials set visits_ms = visits_ms * ${1 - weight}::float8 + ${weight * meanMs}::float8,
          visits_failures = case when ${isDown} then visits_failures + 1 else 0 end,
          visits_rest_until = case when ${isDown} then ${now}::timestamptz + interval '1 second'
            * least(${rest.shortest} * 2 ^ least(visits_failures, 10), ${rest.longest}) end
        where id = ${credentialsId}`,
  );
}
