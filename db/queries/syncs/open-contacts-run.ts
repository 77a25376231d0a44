import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { sealed } from '../../sealed.ts';
import { rows, sql } from '../../sql.ts';

/** What a contacts sync fetches, where not the whole address book. */
export type SyncTarget = { phone: string } | { group: string };

/** The scope that a target has in ids: a keyed digest, since ids are shown where numbers must not be. */
function scopeOf(keys: Keyset, target: SyncTarget | null): string {
  if (!target) return '';
  const [kind, text] = 'phone' in target ? ['one', target.phone] : ['group', target.group];
  return `${kind}/${keys.digest('sync-scope', text).slice(0, 32)}`;
}

/** Opens a run of the contacts sync, or marks the running one of the same scope to go once more. */
export async function openContactsRun(
  em: Em,
  vault: Vault,
  account: { id: string; tenantId: string },
  target: SyncTarget | null,
  now: Date,
): Promise<{ id: string; scope: string }> {
  const id = newId();
  const keys = await vault.keysOf(em, account.tenantId);
  const text = target ? keys.seal(JSON.stringify(target), sealed.syncTarget(id)) : null;
  return openRun(em, { id, scope: scopeOf(keys, target), target: text }, account, now);
}

async function openRun(
  em: Em,
  { id, scope, target }: { id: string; scope: string; target: string | null },
  account: { id: string; tenantId: string },
  now: Date,
): Promise<{ id: string; scope: string }> {
  const [run] = await rows<{ id: string }>(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, target, state, dry_run, again, stats, started_at)
        values (${id}, ${account.tenantId}, ${account.id}, 'contacts', ${scope}, ${target}, 'running', false, false, '{}',
          ${now})
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do update set again = true
        returning id`,
  );
  return { id: run?.id ?? id, scope };
}

/** How long the sweep leaves an account to the run that was opened when it was connected. */
const firstRunMs = 3_600_000;
/** How long after that run was opened the contacts are read once more: the phone may still be syncing at first. */
const againMs = 600_000;

/**
 * Opens a whole run that the schedule asks for; one that is open already will do. None for an account that was read,
 * connected anew or disconnected since it was claimed until `claimed`.
 */
export async function openSweptRun(em: Em, accountId: string, claimed: Date, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at)
        select ${newId()}, tenant_id, id, 'contacts', '', 'running', false, false, '{}', ${now}
        from accounts where id = ${accountId} and contacts_due_at = ${claimed}
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do nothing`,
  );
}

/** When the contacts of an account that was connected `now` are read after the first run. */
export const firstContactsReads = (now: Date): { contactsDueAt: Date; contactsAgainAt: Date } => ({
  contactsDueAt: new Date(now.getTime() + firstRunMs),
  contactsAgainAt: new Date(now.getTime() + againMs),
});

/**
 * Opens the whole run that follows a connection, which is repeated a while later; from then on the account is read by
 * the schedule as well.
 */
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
  return openRun(em, { id: newId(), scope: '', target: null }, account, now);
}

/** Opens the repeated run after a connection; null where another worker did, or it is not due. */
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
  return due.length ? openRun(em, { id: newId(), scope: '', target: null }, account, now) : null;
}

/** The target of a run; null for all. */
export const targetOf = (keys: Keyset, run: { id: string; target: string | null }): SyncTarget | null =>
  run.target === null ? null : (JSON.parse(keys.open(run.target, sealed.syncTarget(run.id))) as SyncTarget);
