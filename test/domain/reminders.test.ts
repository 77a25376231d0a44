import { givesUpAt, reminderDueAt, type ReminderRules, type Reminders } from '../../domain/reminders.ts';

const hour = 3_600_000;
const day = 24 * hour;
const asked = new Date('2027-01-04T10:00:00Z');
const anyTime: ReminderRules = { hours: null, zone: 'UTC', weeks: 8 };

/** The days after the question on which an owner is reminded, where the sweep comes at once. */
function daysOf(rules: ReminderRules, more: Partial<Reminders>, days: number): number[] {
  const known: Reminders = { askedAt: asked, remindedAt: asked, snoozedUntil: null, endsAt: null, ...more };
  const found: number[] = [];
  for (let due = reminderDueAt(known, rules); due; due = reminderDueAt(known, rules)) {
    const after = (due.getTime() - (known.askedAt ?? asked).getTime()) / day;
    if (after > days) return found;
    found.push(Math.round(after * 100) / 100);
    known.remindedAt = due;
  }
  return found;
}

it('reminds after one day, after three, then weekly', () => {
  expect(daysOf(anyTime, {}, 40)).toEqual([1, 3, 10, 17, 24, 31, 38]);
});

it('reminds once more on the day before something ends', () => {
  expect(daysOf(anyTime, { endsAt: new Date(asked.getTime() + 7 * day) }, 7)).toEqual([1, 3, 6]);
  // Not twice within half a day.
  expect(daysOf(anyTime, { endsAt: new Date(asked.getTime() + 2.2 * day) }, 3)).toEqual([1, 3]);
});

it('keeps the hours, and repeats a question that came outside of them when they begin', () => {
  const hours = { from: '09:00', to: '17:00' };
  const night = new Date('2027-01-04T02:00:00Z');
  const rules = { ...anyTime, hours };
  const first = reminderDueAt({ askedAt: night, remindedAt: night, snoozedUntil: null, endsAt: null }, rules);
  expect(first).toEqual(new Date('2027-01-04T09:00:00Z'));
  const second = reminderDueAt({ askedAt: night, remindedAt: first, snoozedUntil: null, endsAt: null }, rules);
  expect(second).toEqual(new Date('2027-01-05T09:00:00Z'));
});

it('waits for the end of a snooze, which does not count for giving up', () => {
  const snoozedUntil = new Date(asked.getTime() + 100 * day);
  const known = { askedAt: asked, remindedAt: asked, snoozedUntil, endsAt: null };
  expect(reminderDueAt(known, anyTime)).toEqual(snoozedUntil);
  expect(givesUpAt(known, anyTime)).toBeNull();
  expect(givesUpAt({ ...known, snoozedUntil: null }, anyTime)).toEqual(new Date(asked.getTime() + 56 * day));
  expect(givesUpAt({ ...known, snoozedUntil: null }, { ...anyTime, weeks: null })).toBeNull();
});

it('asks nothing where nothing is asked', () => {
  expect(reminderDueAt({ askedAt: null, remindedAt: null, snoozedUntil: null, endsAt: null }, anyTime)).toBeNull();
});
