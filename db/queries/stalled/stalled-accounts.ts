import type { RawBuilder } from 'kysely';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { refusedCredentials } from '../tenants/refused-keys.ts';

export interface StalledAccount {
  id: string;
  tenant_id: string;
  channel: string;
  provider: string;
}

/** `mark` stays the same while the same work is open. */
export interface OpenAccount extends StalledAccount {
  mark: string;
}

/** Open work older than this is stalled; null: all open work. */
export interface StalledSince {
  /** A check or a cancellation was requested. */
  requested: Date;
  passed: Date;
  /** An attempt was to be moved by its run. */
  woken: Date;
  /** An attempt without a first step began, or an answer without an outcome was sent. */
  begun: Date;
  /** An answer was given that was not sent to the provider. */
  unsent: Date;
  /** An attempt ended and owes compensation. */
  ended: Date;
}

/**
 * Accounts whose connection workflow must be signalled, by id. Where the provider refuses the key, only those with an
 * open attempt. System role.
 */
export const stalledAccounts = (
  em: Em,
  since: StalledSince | null,
  after: string,
  limit: number,
): Promise<OpenAccount[]> => rows(em, stalledAccountsQuery(since, after, limit));

/** A union: each part reads its own partial index, so that accounts at rest cost nothing. */
export function stalledAccountsQuery(
  since: StalledSince | null,
  after: string,
  limit: number,
): RawBuilder<OpenAccount> {
  const all = since === null;
  const before = (moment: keyof StalledSince) => sql`${since?.[moment] ?? null}::timestamptz`;
  return sql<OpenAccount>`
    select a.id, a.tenant_id, a.channel, a.provider, open.mark from accounts a
    join (
      select account_id, string_agg(mark, ' ' order by mark) as mark, bool_or(attempted) as attempted from (
        select id as account_id, check_requested_at::text as mark, false as attempted
        from accounts where check_requested_at is not null and id > ${after}::uuid
          and (${all}::boolean or check_requested_at < ${before('requested')})
        union all
        select t.account_id,
          concat_ws('/', t.id, s.id, s.answered_at, t.cancel_requested_at, t.deadline_at < ${before('passed')}, t.wake_at),
          true
        from connection_attempts t left join connection_steps s on s.id = t.current_step_id
        where t.state = 'running' and t.account_id > ${after}::uuid
          and (${all}::boolean or t.deadline_at < ${before('passed')} or t.cancel_requested_at < ${before('requested')}
               or s.expires_at < ${before('passed')} or t.wake_at < ${before('woken')}
               or (s.sent_at < ${before('begun')} and s.ended_at is null)
               or (t.current_step_id is null and t.started_at < ${before('begun')})
               or (s.answered_at < ${before('unsent')} and s.sent_at is null and s.ended_at is null))
        union all
        select t.account_id, concat_ws('/', t.id, t.state), false from connection_attempts t
        where t.state <> 'running' and t.account_id > ${after}::uuid
          and (t.undo <> '[]' or (t.intent_at is not null and t.provider_account_id is null))
          and (${all}::boolean or t.ended_at < ${before('ended')})
      ) one group by account_id
    ) open on open.account_id = a.id
    where open.attempted or (a.credentials_id = any(${refusedCredentials})) is not true
    order by a.id limit ${limit}`;
}
