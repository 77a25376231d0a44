import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { openRuns, openWholeRun } from './open-runs.ts';
import { newRun, type ContactTarget } from './sync-target.ts';

/** A running run of the same scope runs once more instead. */
export async function openContactsRun(
  em: Em,
  vault: Vault,
  account: { id: string; tenantId: string },
  target: ContactTarget | null,
  now: Date,
): Promise<{ id: string; scope: string }> {
  const run = newRun(await vault.keysOf(em, account.tenantId), account.id, target);
  const [id] = await openRuns(em, 'contacts', [run], now);
  return { id: id ?? run.id, scope: run.scope };
}

/** The sweep leaves the account to its first run for this long. */
const firstRunMs = 3_600_000;
/** The phone may still be syncing at first. */
const againMs = 600_000;

export const firstContactsReads = (now: Date): { contactsDueAt: Date; contactsAgainAt: Date } => ({
  contactsDueAt: new Date(now.getTime() + firstRunMs),
  contactsAgainAt: new Date(now.getTime() + againMs),
});

export async function openFirstContactsRun(
  em: Em,
  account: { id: string; tenantId: string },
  now: Date,
): Promise<{ id: string; scope: string }> {
  const { contactsDueAt, contactsAgainAt } = firstContactsReads(now);
  await rows(
    em,
    sql`update accounts set contacts_due_at = ${contactsDueAt}, contacts_again_at = ${contactsAgainAt}
        where id = ${account.id}`,
  );
  return openWholeRun(em, 'contacts', account.id, now);
}

/** The repeated run after a connection; null where it is not due or another worker opened it. */
export async function openContactsRunAgain(
  em: Em,
  account: { id: string; tenantId: string },
  now: Date,
): Promise<{ id: string; scope: string } | null> {
  const due = await rows(
    em,
    sql`update accounts set contacts_again_at = null
        where id = ${account.id} and contacts_again_at <= ${now} returning id`,
  );
  return due.length ? openWholeRun(em, 'contacts', account.id, now) : null;
}
