import type { Em } from '../../connect.ts';
import { Account } from '../../entities/accounts.ts';
import { rows, sql } from '../../sql.ts';

/**
 * The accounts whose owners' reminders are due longest, locked; those that another transaction holds are left out. System
 * role.
 */
export async function dueReminders(em: Em, now: Date, limit: number): Promise<Account[]> {
  const due = await rows<{ id: string }>(
    em,
    sql`select id from accounts where remind_due_at <= ${now} order by remind_due_at limit ${limit}
        for no key update skip locked`,
  );
  return em.find(Account, { id: { $in: due.map(({ id }) => id) } });
}

/**
 * Begins the questions of accounts whose owner a version without reminders asked; it may run beside this one during an upgrade.
 * System role.
 */
export async function adoptQuestions(em: Em, now: Date, limit: number): Promise<void> {
  await rows(
    em,
    sql`update accounts set asked_at = ${now}, reminded_at = ${now}, remind_due_at = ${now} where id in (
          select id from accounts
          where who = 'owner' and asked_at is null and state <> 'connecting' and merged_into is null
          order by id limit ${limit} for no key update skip locked)`,
  );
}

/** Has the reminders of a tenant's accounts looked at again, after its rules have changed. */
export async function recheckReminders(em: Em, tenantId: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`update accounts set remind_due_at = ${now} where tenant_id = ${tenantId} and remind_due_at > ${now}`,
  );
}
