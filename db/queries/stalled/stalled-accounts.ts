import { rows, type Em } from '../../connect.ts';

/** An account as its workflows are found. */
export interface StalledAccount {
  id: string;
  tenant_id: string;
  channel: string;
  provider: string;
}

/** The moments before which something counts as left since; `null`: all that is open, since or not. */
export interface StalledSince {
  /** Something was wanted and nobody moved. */
  wanted: Date;
  /** A deadline or an expiry has passed. */
  passed: Date;
  /** An attempt without a first step began. */
  begun: Date;
  /** An answer was given that nobody has passed on. */
  unsent: Date;
  /** An ended attempt left something to delete at the provider. */
  uncleaned: Date;
}

/**
 * Accounts after `after` whose connection run must be told to look, by id. Written as a union so that each part reads
 * its own partial index: what rests costs nothing, however many accounts there are.
 */
export function stalledAccounts(
  em: Em,
  since: StalledSince | null,
  after: string,
  limit: number,
): Promise<StalledAccount[]> {
  const all = since === null;
  const { wanted, passed, begun, unsent, uncleaned } = since ?? {
    wanted: null,
    passed: null,
    begun: null,
    unsent: null,
    uncleaned: null,
  };
  return rows<StalledAccount>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider from accounts a
     join (
       select id from accounts where check_requested_at is not null and id > ? and (? or check_requested_at < ?)
       union
       select t.account_id from connection_attempts t left join connection_steps s on s.id = t.current_step_id
       where t.state = 'running' and t.account_id > ?
         and (? or t.deadline_at < ? or t.cancel_requested_at < ? or s.expires_at < ?
              or (t.current_step_id is null and t.started_at < ?)
              or (s.answered_at < ? and s.sent_at is null and s.ended_at is null))
       union
       select t.account_id from connection_attempts t
       where t.state <> 'running' and t.account_id > ?
         and (t.undo <> '[]' or (t.intent_at is not null and t.provider_account_id is null)) and (? or t.ended_at < ?)
     ) open on open.id = a.id
     order by a.id limit ?`,
    [after, all, wanted, after, all, passed, wanted, passed, begun, unsent, after, all, uncleaned, limit],
  );
}
