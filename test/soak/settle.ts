import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../support/control.ts';
import type { Facts } from './facts.ts';
import type { Upstream } from './upstream.ts';

const pollMs = 1_000;
/** After this time without a change, the clock is advanced by a large step (milliseconds). */
const unchangedMs = 8_000;

/** Unfinished work, one query each; all of it must end by itself. */
export const unsettled = {
  'attempts running': `connection_attempts where state = 'running'`,
  compensations: `connection_attempts where undo <> '[]'`,
  'lost answers to resolve': `connection_attempts where intent_at is not null and provider_account_id is null`,
  'checks requested': `accounts where check_requested_at is not null`,
  'events to apply': `webhook_events where state = 'received'`,
  'signals owed': `webhook_events where owes_signal`,
  'syncs running': `sync_runs where state = 'running'`,
} as const;

/** Seconds on the sandbox's clock for each second: codes lapse, logins at the provider expire, attempts reach deadlines. */
const clockSpeed = 5;

/**
 * Advances the provider's clock, and ours with it, while attempts are open. A page whose callback was lost stays open
 * for an hour: when only such pages are left, the clock is advanced by a large step.
 */
export async function advanceClock(control: Control, facts: Facts, stop: AbortSignal): Promise<void> {
  let last = '';
  for (let since = Date.now(); !stop.aborted;) {
    await sleep(pollMs, undefined, { signal: stop }).catch(() => undefined);
    const open = await facts.rows(
      `select t.account_id, t.number, s.id, s.kind from connection_attempts t
       left join connection_steps s on s.id = t.current_step_id where t.state = 'running' order by 1`,
    );
    const now = JSON.stringify(open);
    if (now !== last) [last, since] = [now, Date.now()];
    if (!open.length) continue;
    const lost = Date.now() - since > unchangedMs && open.every(({ kind }) => kind === 'redirect' || kind === 'wait');
    await control.post('/clock', { advance_seconds: lost ? 600 : clockSpeed });
  }
}

/** Waits until no work is left; answers what is left when the time is over. */
export async function settle(control: Control, facts: Facts, upstream: Upstream, withinMs: number): Promise<string[]> {
  // The provider ends its interruptions, and sends the webhooks for them.
  for (const { id, status } of await upstream.list())
    if (status === 'CONNECTING' && (await hasIdentity(facts, id)))
      await control.post('/drop', { account_id: id, status: 'OK' });
  for (const end = Date.now() + withinMs; ;) {
    const left: string[] = [];
    for (const [what, rows] of Object.entries(unsettled)) {
      const n = await facts.count(rows);
      if (n) left.push(`${n} ${what}`);
    }
    const waiting = (await control.get('/deliveries')).filter(({ state }: { state: string }) => state === 'waiting');
    if (waiting.length) left.push(`${waiting.length} deliveries waiting`);
    const running = (await facts.workflows()).RUNNING ?? 0;
    if (running) left.push(`${running} workflows`);
    if (!left.length || Date.now() > end) return left;
    // A compensation is retried after a minute.
    if (left.every((one) => /compensations|lost/.test(one))) await control.post('/clock', { advance_seconds: 30 });
    await sleep(pollMs);
  }
}

/** Whether one of our accounts uses this login. An unfinished login is `CONNECTING` and stays so. */
const hasIdentity = async (facts: Facts, id: string): Promise<boolean> =>
  (await facts.count(`accounts where provider_account_id = '${id.replaceAll("'", '')}' and identity is not null`)) > 0;
