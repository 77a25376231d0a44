import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { adoptQuestions, dueReminders } from '../../db/queries/accounts/due-reminders.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { isExpiring } from '../../domain/accounts.ts';
import { whatToDo } from '../../domain/failures.ts';
import { isWithin, nextWithin } from '../../domain/hours.ts';
import { givesUpAt, reminderDueAt, waitsForOwner, type ReminderRules, type Reminders } from '../../domain/reminders.ts';
import { earliest } from '../../domain/token-times.ts';
import type { Context } from '../context.ts';

/** Accounts of one transaction: a trigger compares the rows of a statement with each other. */
const batch = 100;

/** What one transaction did. */
export interface RemindedBatch {
  accounts: number;
  reminded: number;
  givenUp: number;
  /** More may be due. */
  more: boolean;
}

/**
 * Looks at the accounts whose reminders are due at `now`, in one transaction: reminds their owners within the hours of their
 * tenants, or gives up, and says when they are due next. A worker that dies in it has done nothing.
 */
export async function remindOwners({ db, metrics }: Context, now: Date): Promise<RemindedBatch> {
  const done = await db.system(async (em) => {
    await adoptQuestions(em, now, batch);
    const due = await dueReminders(em, now, batch);
    const tenants = await em.find(Tenant, { id: { $in: [...new Set(due.map(({ tenantId }) => tenantId))] } });
    const rules = new Map(tenants.map((tenant) => [tenant.id, rulesOf(tenant)]));
    const outcomes = due.map((account) => remind(em, account, rules.get(account.tenantId) ?? atAnyTime, now));
    const count = (wanted: Outcome): number => outcomes.filter((one) => one === wanted).length;
    return {
      accounts: due.length,
      reminded: count('reminded'),
      givenUp: count('given_up'),
      more: due.length === batch,
    };
  });
  metrics.reminders.inc({ outcome: 'reminded' }, done.reminded);
  metrics.reminders.inc({ outcome: 'given_up' }, done.givenUp);
  return done;
}

const rulesOf = ({ reminderHours: hours, timeZone: zone, reminderWeeks: weeks }: Tenant): ReminderRules => ({
  hours,
  zone,
  weeks,
});

const atAnyTime: ReminderRules = { hours: null, zone: 'UTC', weeks: null };

/** What is known of the reminders of an account, as the rules take it. */
const remindersOf = (account: Account): Reminders => ({
  askedAt: account.askedAt,
  remindedAt: account.remindedAt,
  snoozedUntil: account.snoozedUntil,
  endsAt: isExpiring(account) ? account.keysExpireAt : null,
});

type Outcome = 'reminded' | 'given_up' | 'waits' | 'ended';

function remind(em: Em, account: Account, rules: ReminderRules, now: Date): Outcome {
  if (!waitsForOwner(account) || account.mergedInto || !account.askedAt || account.givenUpAt) {
    account.remindDueAt = null;
    return 'ended';
  }
  const giveUp = givesUpAt(remindersOf(account), rules);
  if (giveUp && giveUp <= now) return endReminders(em, account, now);
  const due = reminderDueAt(remindersOf(account), rules);
  const isDue = due !== null && due <= now && (!rules.hours || isWithin(rules.hours, rules.zone, now));
  if (isDue) tellOwner(em, account, now);
  account.remindDueAt = nextLookAt(account, rules, now);
  return isDue ? 'reminded' : 'waits';
}

/** The next reminder, or the end of reminding where that comes first. One whose hours are over by now waits for the next ones. */
function nextLookAt(account: Account, rules: ReminderRules, now: Date): Date | null {
  const due = reminderDueAt(remindersOf(account), rules);
  const next = due && due <= now && rules.hours ? nextWithin(rules.hours, rules.zone, now) : due;
  return earliest(next, givesUpAt(remindersOf(account), rules));
}

/** The trigger makes an event of the number of reminders. After a snooze the question begins anew. */
function tellOwner(em: Em, account: Account, now: Date): void {
  const { state, reason, who } = account;
  if (account.snoozedUntil) Object.assign(account, { askedAt: now, snoozedUntil: null });
  account.reminders += 1;
  account.remindedAt = now;
  const text = `The owner was reminded (${account.reminders}): ${whatToDoOf(account)}`;
  const endsAt = remindersOf(account).endsAt?.toISOString() ?? null;
  addTimelineEvent(em, account, now, 'owner_reminded', text, {
    data: { state, reason, who, reminders: account.reminders, ends_at: endsAt },
  });
}

function endReminders(em: Em, account: Account, now: Date): Outcome {
  account.givenUpAt = now;
  account.remindDueAt = null;
  const asked = account.askedAt?.toISOString() ?? null;
  const text = `The owner is reminded no more after ${account.reminders} reminders. What is missing stays: ${whatToDoOf(account)}`;
  addTimelineEvent(em, account, now, 'reminders_given_up', text, {
    data: { asked_at: asked, reminders: account.reminders, reason: account.reason },
  });
  return 'given_up';
}

const whatToDoOf = ({ reason }: Account): string => whatToDo(reason) ?? '';
