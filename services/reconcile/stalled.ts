import { clearOwedSignals } from '../../db/queries/stalled/clear-owed-signals.ts';
import {
  stalledAccounts,
  type OpenAccount,
  type StalledAccount,
  type StalledSince,
} from '../../db/queries/stalled/stalled-accounts.ts';
import { stalledOperations } from '../../db/queries/bulk/operations.ts';
import { stalledQueues, type StalledQueue } from '../../db/queries/stalled/stalled-queues.ts';
import { stalledErasures } from '../../db/queries/stalled/stalled-erasures.ts';
import {
  accountsToReadAgain,
  accountsWithoutContacts,
  accountsWithoutDetails,
  runningSyncs,
  type StalledSync,
} from '../../db/queries/stalled/stalled-syncs.ts';
import { openContactsRunAgain, openFirstContactsRun } from '../../db/queries/syncs/open-contacts-run.ts';
import { openHistoryRunAgain } from '../../db/queries/syncs/open-history-run.ts';
import { openDetailsRun } from '../../db/queries/syncs/open-details-run.ts';
import { accountsWithRefusedKey } from '../../db/queries/tenants/refused-keys.ts';
import { openParts, type OpenPart } from '../../db/queries/user-requests/user-requests.ts';
import { unsentAfterMs } from '../../domain/attempts.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Cause } from '../../workflows/messages.ts';
import { showRefusedKey } from '../accounts/refused-keys.ts';
import type { Context } from '../context.ts';
import { startSyncWorkflow } from '../signal.ts';
import { disconnectPart } from '../user-requests/delete-user.ts';
import { pageSize, type Stalled } from './repair.ts';
import { withContacts } from '../provider-names.ts';

const second = 1_000;
/** The writer of a request signals it. The reconciler signals too, after this time. */
const graceMs = 2 * second;
/** How late a workflow may begin, or wake up, before it is assumed lost. */
const beginMs = 30 * second;
/** How long a failed compensation rests before it is requested again. */
const compensationRestMs = 60 * second;
/** How long an account whose details could not be collected rests before the next sync. */
const detailsRestMs = 600 * second;
/** How long Temporal may take for one signal. */
const signalDeadlineMs = 5 * second;
/** Later than every lease. */
const endOfTime = new Date('9999-01-01T00:00:00Z');

const refOf = (row: StalledAccount): AccountRef => ({
  tenantId: row.tenant_id,
  accountId: row.id,
  channel: row.channel,
  provider: row.provider,
});

/** Which rows to find: those that are stalled by now, or everything open, for a rebuild. */
export type Scope = 'stalled' | 'open';

const causeOf = (scope: Scope): Cause => (scope === 'open' ? 'rebuild' : 'reconciler');

/** Accounts whose connection workflow must be signalled. */
export function connections({ db, clock, temporal }: Context, scope: Scope): Stalled<OpenAccount> {
  const since = (): StalledSince => ({
    requested: ago(clock.now(), graceMs),
    passed: clock.now(),
    woken: ago(clock.now(), beginMs),
    begun: ago(clock.now(), beginMs),
    unsent: ago(clock.now(), unsentAfterMs),
    ended: ago(clock.now(), compensationRestMs),
  });
  return {
    name: 'connections',
    find: (em, after) => stalledAccounts(em, scope === 'open' ? null : since(), after, pageSize),
    mark: ({ mark }) => mark,
    move: (row) => temporal.remindConnection(refOf(row), causeOf(scope), signalDeadlineMs),
    after: (moved) =>
      db.system((em) =>
        clearOwedSignals(
          em,
          moved.map(({ id }) => id),
        ),
      ),
  };
}

/** Accounts that do not show yet that their provider refuses the key. */
export const refusedKeys = (context: Context): Stalled<{ id: string; tenant_id: string }> => ({
  name: 'refused_keys',
  find: (em, after) => accountsWithRefusedKey(em, after, pageSize),
  move: (row) => showRefusedKey(context, row),
});

/** Running syncs whose workflow may have been lost. */
export function syncs({ clock, temporal }: Context, scope: Scope): Stalled<StalledSync> {
  const before = (): [since: Date, free: Date] =>
    scope === 'open' ? [clock.now(), endOfTime] : [ago(clock.now(), beginMs), clock.now()];
  return {
    name: 'syncs',
    find: (em, after) => runningSyncs(em, ...before(), after, pageSize),
    move: ({ account_id: id, kind, scope: of, ...row }) =>
      startSyncWorkflow(temporal, refOf({ ...row, id }), { kind, scope: of }, causeOf(scope), false),
  };
}

/** Accounts with something to send and no run that sends it. */
export const queues = ({ clock, temporal }: Context, scope: Scope): Stalled<StalledQueue> => ({
  name: 'sends',
  find: (em, after) => stalledQueues(em, clock.now(), scope === 'open' ? 0 : graceMs, after, pageSize),
  mark: ({ mark }) => mark,
  move: (row) => temporal.startSends(refOf(row), causeOf(scope)),
});

/** Erasures whose workflow may have been lost. */
export const erasures = ({ clock, temporal }: Context): Stalled<{ id: string; tenant_id: string }> => ({
  name: 'erasures',
  find: (em, after) => stalledErasures(em, ago(clock.now(), beginMs), after, pageSize),
  move: ({ id, tenant_id: tenantId }) => temporal.startErasure({ tenantId, erasureId: id }, 'reconciler'),
});

/** Bulk operations whose workflow may have been lost. */
export const bulkOperations = (
  { clock, temporal }: Context,
  scope: Scope,
): Stalled<{ id: string; tenant_id: string; kind: string }> => ({
  name: 'bulk_operations',
  find: (em, after) => stalledOperations(em, scope === 'open' ? null : ago(clock.now(), beginMs), after, pageSize),
  move: ({ id, tenant_id: tenantId, kind }) => temporal.startBulk({ tenantId, operationId: id }, kind, causeOf(scope)),
});

/** Accounts that a user's deletion is about, and that nothing disconnects. */
export const userRequests = (context: Context): Stalled<OpenPart> => ({
  name: 'user_requests',
  find: (em, after) => openParts(em, { before: ago(context.clock.now(), graceMs) }, after, pageSize),
  move: (part) => disconnectPart(context, part),
});

/** Active accounts whose details were never collected. */
export const missingDetails = ({ db, clock, temporal }: Context): Stalled<StalledAccount> => ({
  name: 'missing_details',
  find: (em, after) => accountsWithoutDetails(em, ago(clock.now(), detailsRestMs), after, pageSize),
  move: async (row) => {
    await db.system((em) => openDetailsRun(em, row.id, clock.now()));
    await temporal.startSyncDetails(refOf(row), 'reconciler');
  },
});

/** Active accounts whose address book was never read. */
export function missingContacts({ db, clock, temporal, providers }: Context): Stalled<StalledAccount> {
  return {
    name: 'missing_contacts',
    find: (em, after) => accountsWithoutContacts(em, withContacts(providers), after, pageSize),
    move: async (row) => {
      const account = { id: row.id, tenantId: row.tenant_id };
      const { scope } = await db.system((em) => openFirstContactsRun(em, account, clock.now()));
      await temporal.startSyncContacts(refOf(row), scope, 'reconciler');
    },
  };
}

/** Active accounts whose address book may have been partial when they were connected: it is read once more. */
export const contactsAgain = ({ db, clock, temporal }: Context): Stalled<StalledAccount> => ({
  name: 'contacts_again',
  find: (em, after) => accountsToReadAgain(em, 'contacts_again_at', clock.now(), after, pageSize),
  move: async (row) => {
    const account = { id: row.id, tenantId: row.tenant_id };
    const run = await db.system((em) => openContactsRunAgain(em, account, clock.now()));
    if (run) await temporal.startSyncContacts(refOf(row), run.scope, 'reconciler');
  },
});

/** The same for conversations. */
export const historyAgain = ({ db, clock, temporal }: Context): Stalled<StalledAccount> => ({
  name: 'history_again',
  find: (em, after) => accountsToReadAgain(em, 'history_again_at', clock.now(), after, pageSize),
  move: async (row) => {
    const run = await db.system((em) => openHistoryRunAgain(em, row.id, clock.now()));
    if (run) await temporal.startSyncConversations(refOf(row), run.scope, 'reconciler');
  },
});

const ago = (now: Date, ms: number): Date => new Date(now.getTime() - ms);
