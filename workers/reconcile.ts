import { rows } from '../db/connect.ts';
import { openDetailsRun } from '../db/queries/open-details-run.ts';
import type { AccountRef, Motion } from '../platform/temporal.ts';
import type { Deps } from '../activities/deps.ts';

/** A run that is being moved needs no push: rows are due only this long after their moment, in milliseconds. */
const grace = 2_000;
/** How long a failed clean-up rests before it is tried again. */
const cleanupRestMs = 60_000;
/** How long an account whose details could not be collected rests before the next try, in milliseconds. */
const collectRestMs = 10 * 60_000;
/** Accounts per round; the next round takes the rest. */
const page = 500;

/**
 * Makes PostgreSQL's open wishes move again, whatever happened to Temporal: attempts whose moment has passed, accounts
 * of which a provider said something, upstream logins still to delete, details never collected. Safe in every worker
 * at once, since all it sends is "look again".
 */
async function reconcile(deps: Deps, motion: Motion): Promise<number> {
  const now = deps.clock.now().getTime();
  const at = (agoMs: number): Date => new Date(now - agoMs);
  const due = await deps.db.system((em) =>
    rows<{ tenant_id: string; id: string; channel: string; provider: string }>(
      em,
      `select distinct a.tenant_id, a.id, a.channel, a.provider from accounts a
       left join connection_attempts t on t.account_id = a.id and (t.state = 'running' or t.undo <> '[]')
       left join connection_steps s on s.id = t.current_step_id
       where a.look_wanted_at < ?
          or (t.state = 'running' and (t.deadline_at < ? or t.cancel_requested_at < ? or s.expires_at < ?
              or (t.current_step_id is null and t.started_at < ?)))
          or (t.state <> 'running' and t.ended_at < ?)
       limit ?`,
      [at(grace), at(0), at(grace), at(0), at(patience), at(cleanupRestMs), page],
    ),
  );
  for (const row of due) await motion.tellConnection(refOf(row), 5_000);
  await clearOwed(
    deps,
    due.map((row) => row.id),
  );
  return due.length + (await collectMissingDetails(deps, motion));
}

/** How long a beginning may take before its run is assumed lost, in milliseconds. */
const patience = 30_000;

const refOf = (row: { tenant_id: string; id: string; channel: string; provider: string }): AccountRef => ({
  tenantId: row.tenant_id,
  accountId: row.id,
  channel: row.channel,
  provider: row.provider,
});

/** What intake owed those accounts' runs has been said now. */
async function clearOwed(deps: Deps, accountIds: string[]): Promise<void> {
  if (!accountIds.length) return;
  await deps.db.system((em) =>
    rows(em, 'update webhook_events set owes_signal = false where owes_signal and account_id = any(?::uuid[])', [
      `{${accountIds.join(',')}}`,
    ]),
  );
}

/** Active accounts without details get a sync run of their own. */
async function collectMissingDetails(deps: Deps, motion: Motion): Promise<number> {
  const now = deps.clock.now();
  const lacking = await deps.db.system((em) =>
    rows<{ tenant_id: string; id: string; channel: string; provider: string }>(
      em,
      `select a.tenant_id, a.id, a.channel, a.provider from accounts a
       where a.state = 'active' and a.details_at is null and a.merged_into is null
         and not exists (select from sync_runs r where r.account_id = a.id and r.kind = 'details' and r.started_at > ?)
       limit ?`,
      [new Date(now.getTime() - collectRestMs), page],
    ),
  );
  for (const row of lacking) {
    await deps.db.system((em) => openDetailsRun(em, row.tenant_id, row.id, now));
    await motion.startSyncDetails(refOf(row));
  }
  return lacking.length;
}

/** Runs `reconcile` every `everyMs` and at once on `nudge`; a round that fails is logged and the next one tries. */
export function keepReconciling(deps: Deps, motion: Motion, everyMs: number): { nudge(): void; stop(): Promise<void> } {
  let stopped = false;
  let running = Promise.resolve();
  const round = (): void => {
    running = running.then(async () => {
      if (stopped) return;
      try {
        await reconcile(deps, motion);
      } catch (error) {
        deps.log.warn({ err: error }, 'reconciling failed, next round tries again');
      }
    });
  };
  const timer = setInterval(round, everyMs);
  return {
    nudge: round,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
