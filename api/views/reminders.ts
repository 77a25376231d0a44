import { z } from 'zod';
import type { Account } from '../../db/entities/accounts.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';

export const remindersAnswer = z
  .object({
    asked_at: time.describe('When the owner was asked, or asked anew.'),
    sent: z.number().int().describe('How often they were reminded since.'),
    last_at: time.nullable().describe('When they were asked or reminded last.'),
    next_at: time
      .nullable()
      .describe('When the next reminder comes, as far as that is known; null once they were given up.'),
    snoozed_until: time.nullable(),
    given_up: z.boolean().describe('The owner did not act, and is reminded no more.'),
    given_up_at: time.nullable(),
  })
  .meta({ id: 'Reminders' });

/** The reminders of an account as callers see them; null where nothing is asked of its owner. */
export const remindersView = (account: Account): z.input<typeof remindersAnswer> | null =>
  account.askedAt && {
    asked_at: wireTime(account.askedAt),
    sent: account.reminders,
    last_at: wireTimeOrNull(account.remindedAt),
    next_at: wireTimeOrNull(account.remindDueAt),
    snoozed_until: wireTimeOrNull(account.snoozedUntil),
    given_up: account.givenUpAt !== null,
    given_up_at: wireTimeOrNull(account.givenUpAt),
  };
