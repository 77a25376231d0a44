import type { AccountStatus } from './accounts.ts';
import { isWithin, nextWithin, type DayHours } from './hours.ts';

const hour = 3_600_000;
const day = 24 * hour;
const week = 7 * day;

/** When the owner is reminded, from the question on: after one day, after three, then weekly. */
const firstReminders = [day, 3 * day] as const;

/** Two reminders of one account lie at least so far apart, also where the hours move one of them. */
const leastRest = 12 * hour;

/** How long before something ends its owner is reminded once more. */
const lastBeforeEnd = day;

/** How many weeks owners are reminded, where the tenant sets nothing else. */
export const usualReminderWeeks = 8;

/** The most weeks that a tenant may set. */
export const mostReminderWeeks = 104;

/** How long reminders of an account may be snoozed. */
export const longestSnoozeMs = 366 * day;

/** When and for how long the owners of a tenant's accounts are reminded. */
export interface ReminderRules {
  /** Null: at any time. */
  hours: DayHours | null;
  zone: string;
  /** Null: without end. */
  weeks: number | null;
}

/** What is known of the reminders of an account. */
export interface Reminders {
  /** When the owner was asked; null where nothing is asked of them. */
  askedAt: Date | null;
  /** When they were asked or reminded last. */
  remindedAt: Date | null;
  snoozedUntil: Date | null;
  /** When what works now ends; null where nothing works, or it does not end. */
  endsAt: Date | null;
}

/** Whether the owner is asked to do something that waits for them: not while they are at it. */
export const waitsForOwner = ({ state, who }: Pick<AccountStatus, 'state' | 'who'>): boolean =>
  who === 'owner' && state !== 'connecting';

/** When the next reminder would come at any hour; null where none does. */
function nextReminderAt({ askedAt, remindedAt, snoozedUntil, endsAt }: Reminders): Date | null {
  if (!askedAt) return null;
  const asked = askedAt.getTime();
  const after = (remindedAt ?? askedAt).getTime() + leastRest;
  const [, second] = firstReminders;
  const first = firstReminders.find((ms) => asked + ms >= after);
  const weekly = second + Math.max(1, Math.ceil((after - asked - second) / week)) * week;
  const rhythm = asked + (first ?? weekly);
  const last = endsAt ? endsAt.getTime() - lastBeforeEnd : Infinity;
  const next = last >= after ? Math.min(rhythm, last) : rhythm;
  return new Date(Math.max(next, snoozedUntil?.getTime() ?? 0));
}

/** The same within the tenant's hours. A question that came outside of them is repeated when they begin. */
export function reminderDueAt(reminders: Reminders, { hours, zone }: ReminderRules): Date | null {
  const { askedAt, remindedAt, snoozedUntil } = reminders;
  const next = nextReminderAt(reminders);
  if (!next || !askedAt || !hours) return next;
  const isUnheard = (remindedAt ?? askedAt) <= askedAt && !isWithin(hours, zone, askedAt);
  const from = isUnheard ? new Date(Math.max(askedAt.getTime(), snoozedUntil?.getTime() ?? 0)) : next;
  return nextWithin(hours, zone, from);
}

/** When reminding ends without success; null: never, or not before a snooze has ended. */
export function givesUpAt({ askedAt, snoozedUntil }: Reminders, { weeks }: ReminderRules): Date | null {
  return askedAt && !snoozedUntil && weeks !== null ? new Date(askedAt.getTime() + weeks * week) : null;
}
