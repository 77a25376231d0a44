import type { Account } from '../../db/entities/accounts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { longestSnoozeMs, waitsForOwner } from '../../domain/reminders.ts';
import { ownAccount } from '../accounts/find-account.ts';
import type { CallerRequest } from '../principal.ts';
import { Problem } from '../problem.ts';

type Snoozing = Pick<CallerRequest, 'context' | 'principal'>;

/**
 * Stops the reminders of an account until a time; another snooze replaces it. Reminders that were given up begin again then.
 * 409 where nothing is asked of the owner, 422 where the time is past or further than a year away.
 */
export function snoozeReminders({ context, principal }: Snoozing, id: string, until: Date): Promise<Account> {
  const now = context.clock.now();
  if (until <= now) throw new Problem('invalid_request', 'until: is in the past.');
  if (until.getTime() > now.getTime() + longestSnoozeMs)
    throw new Problem('invalid_request', 'until: must be within a year.');
  return context.db.tenant(principal.tenantId, async (em) => {
    const account = await askedAccount(em, id);
    if (account.snoozedUntil?.getTime() === until.getTime()) return account;
    Object.assign(account, { snoozedUntil: until, remindDueAt: until, givenUpAt: null, updatedAt: now });
    const data = { until: until.toISOString() };
    addTimelineEvent(em, account, now, 'reminders_snoozed', 'Reminders of the owner wait.', { data });
    return account;
  });
}

/** Ends a snooze: the next reminder comes as if there had been none. Does nothing where there is none. */
export function endSnooze({ context, principal }: Snoozing, id: string): Promise<Account> {
  const now = context.clock.now();
  return context.db.tenant(principal.tenantId, async (em) => {
    const account = await ownAccount(em, id, true);
    if (!account.snoozedUntil) return account;
    Object.assign(account, { snoozedUntil: null, updatedAt: now });
    if (waitsForOwner(account)) account.remindDueAt = now;
    addTimelineEvent(em, account, now, 'snooze_ended', 'Reminders of the owner go on.');
    return account;
  });
}

async function askedAccount(em: Parameters<typeof ownAccount>[0], id: string): Promise<Account> {
  const account = await ownAccount(em, id, true);
  if (!waitsForOwner(account)) throw new Problem('nothing_asked');
  return account;
}
