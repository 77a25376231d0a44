import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../support/control.ts';
import type { Facts } from './facts.ts';
import type { Upstream } from './upstream.ts';

const lookMs = 1_000;
/** How long nothing may move before time leaps, in milliseconds. */
const stillMs = 8_000;

/** What keeps a storm from being over, one query each; all of it must end by itself. */
export const unsettled = {
  'attempts running': `connection_attempts where state = 'running'`,
  'undo lists': `connection_attempts where undo <> '[]'`,
  'lost answers to look for': `connection_attempts where intent_at is not null and provider_account_id is null`,
  'looks wanted': `accounts where check_requested_at is not null`,
  'signals owed': `webhook_events where owes_signal`,
  'syncs running': `sync_runs where state = 'running'`,
} as const;

/** Time goes by so many times as fast: codes lapse, logins at the provider run out, and attempts reach deadlines. */
const haste = 5;

/**
 * Moves the provider's clock on, and ours with it, while attempts are open. Pages whose callback was lost are open for
 * an hour: when only those are left, time leaps.
 */
export async function hurryTime(control: Control, facts: Facts, stop: AbortSignal): Promise<void> {
  let standing = '';
  for (let since = Date.now(); !stop.aborted;) {
    await sleep(lookMs, undefined, { signal: stop }).catch(() => undefined);
    const open = await facts.rows(
      `select t.account_id, t.number, s.id, s.kind from connection_attempts t
       left join connection_steps s on s.id = t.current_step_id where t.state = 'running' order by 1`,
    );
    const now = JSON.stringify(open);
    if (now !== standing) [standing, since] = [now, Date.now()];
    if (!open.length) continue;
    const lost = Date.now() - since > stillMs && open.every(({ kind }) => kind === 'redirect' || kind === 'wait');
    await control.post('/clock', { advance_seconds: lost ? 600 : haste });
  }
}

/** Waits until nothing is left to be done; answers what still is when the patience is over. */
export async function settle(control: Control, facts: Facts, upstream: Upstream, withinMs: number): Promise<string[]> {
  // What the provider interrupted, it ends; what nobody told, it tells again.
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
    if (waiting.length) left.push(`${waiting.length} deliveries on their way`);
    const running = (await facts.workflows()).RUNNING ?? 0;
    if (running) left.push(`${running} workflows`);
    if (!left.length || Date.now() > end) return left;
    // Clean-ups rest for a minute before they are tried again.
    if (left.every((one) => /undo|lost/.test(one))) await control.post('/clock', { advance_seconds: 30 });
    await sleep(lookMs);
  }
}

/** Whether an account of ours works through this login: one that nobody finished is `CONNECTING` for good. */
const hasIdentity = async (facts: Facts, id: string): Promise<boolean> =>
  (await facts.count(`accounts where provider_account_id = '${id.replaceAll("'", '')}' and identity is not null`)) > 0;
