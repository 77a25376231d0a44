import { canonicalText } from '../../../domain/text.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Vault } from '../../vault.ts';
import type { Em } from '../../connect.ts';
import { sealed } from '../../sealed.ts';
import { rows, sql } from '../../sql.ts';
import { openRuns, type NewRun } from './open-runs.ts';

/** Null: the whole address book. */
export type SyncTarget = { phone: string } | { group: string };

// A keyed digest: ids are shown where numbers must not be.
function scopeOf(keys: Keyset, target: SyncTarget | null): string {
  if (!target) return '';
  const [kind, text] = 'phone' in target ? ['one', target.phone] : ['group', canonicalText(target.group)];
  return `${kind}/${keys.digest('sync-scope', text).slice(0, 32)}`;
}

/** A sync run of one account, to be opened. */
export function newRun(keys: Keyset, accountId: string, target: SyncTarget | null): NewRun {
  const id = newId();
  const text = target ? keys.seal(JSON.stringify(target), sealed.syncTarget(id)) : null;
  return { id, accountId, scope: scopeOf(keys, target), target: text };
}

/** A running run of the same scope runs once more instead. */
export async function openContactsRun(
  em: Em,
  vault: Vault,
  account: { id: string; tenantId: string },
  target: SyncTarget | null,
  now: Date,
): Promise<{ id: string; scope: string }> {
  const run = newRun(await vault.keysOf(em, account.tenantId), account.id, target);
  const [id] = await openRuns(em, 'contacts', [run], now);
  return { id: id ?? run.id, scope: run.scope };
}

async function openWholeRun(em: Em, accountId: string, now: Date): Promise<{ id: string; scope: string }> {
  const run = { id: newId(), accountId, scope: '', target: null };
  const [id] = await openRuns(em, 'contacts', [run], now);
  return { id: id ?? run.id, scope: '' };
}

/** The sweep leaves the account to its first run for this long. */
const firstRunMs = 3_600_000;
/** The phone may still be syncing at first. */
const againMs = 600_000;

/** An open run is enough. None for an account that was read, reconnected or disconnected since it was leased. */
export async function openSweptRun(em: Em, accountId: string, claimed: Date, now: Date): Promise<void> {
  await rows(
    em,
    sql`insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at)
        select ${newId()}, tenant_id, id, 'contacts', '', 'running', false, false, '{}', ${now}
        from accounts where id = ${accountId} and contacts_due_at = ${claimed}
        on conflict (account_id, kind, scope) where state = 'running' and not dry_run do nothing`,
  );
}

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
  return openWholeRun(em, account.id, now);
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
  return due.length ? openWholeRun(em, account.id, now) : null;
}

export const targetOf = (keys: Keyset, run: { id: string; target: string | null }): SyncTarget | null =>
  run.target === null ? null : (JSON.parse(keys.open(run.target, sealed.syncTarget(run.id))) as SyncTarget);
