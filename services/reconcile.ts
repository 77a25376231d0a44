import { firstId } from '../platform/ids.ts';
import { arrayOf, rows } from '../db/connect.ts';
import { openContactsRunAgain, openFirstContactsRun } from '../db/queries/syncs/open-contacts-run.ts';
import { openDetailsRun } from '../db/queries/syncs/open-details-run.ts';
import { requestChecks } from '../db/queries/stalled/request-checks.ts';
import { stalledAccounts, type StalledSince, type StalledAccount } from '../db/queries/stalled/stalled-accounts.ts';
import {
  accountsToReadAgain,
  accountsWithoutContacts,
  accountsWithoutDetails,
  runningSyncs,
  type StalledSync,
} from '../db/queries/stalled/stalled-syncs.ts';
import { unsentAfterMs } from '../domain/attempts.ts';
import type { AccountRef } from '../temporal/client.ts';
import type { Context } from './context.ts';

const second = 1_000;
/** A run that is being moved needs no push: what is wanted is due only this long after its moment. */
const grace = 2 * second;
/** How long a beginning may take before its run is assumed lost. */
const patience = 30 * second;
/** How long a failed clean-up rests before it is tried again. */
const compensationRest = 60 * second;
/** How long an account whose details could not be collected rests before the next try. */
const collectRest = 600 * second;
/** How often an account in trouble is looked at, in case nobody says that the trouble is over, or that it is not. */
const degradedRest = 300 * second;
/** Accounts per round and kind; the next round goes on after them. */
const page = 500;
/** How long Temporal may take for one account. */
const signalDeadline = 5 * second;

type Parts = Pick<Context, 'db' | 'clock' | 'log' | 'temporal' | 'providers'>;

/** How many accounts were told, and how many syncs were started. */
export interface Moved {
  connections: number;
  syncs: number;
}

/**
 * Makes everything that is open in PostgreSQL move again, since or not: what is needed when Temporal's database was
 * lost. Safe at any time, since all it says is "look again".
 */
export async function rebuild(parts: Parts): Promise<Moved> {
  const { db, clock } = parts;
  await parts.temporal.ensureSearchAttributes();
  await parts.temporal.ensureSchedules();
  const connections = await eachPage(
    (after) => db.system((em) => stalledAccounts(em, null, after, page)),
    (row) => parts.temporal.signalConnection(refOf(row), signalDeadline),
  );
  const syncs = await eachPage(
    (after) => db.system((em) => runningSyncs(em, clock.now(), endOfTime, after, page)),
    (row) => startSync(parts, row),
  );
  return { connections, syncs: syncs + (await collectMissing(parts)) };
}

async function eachPage<R extends { id: string }>(
  read: (after: string) => Promise<R[]>,
  move: (row: R) => Promise<void>,
): Promise<number> {
  let moved = 0;
  for (let after: string | null = firstId; after !== null;) {
    const found: R[] = await read(after);
    for (const row of found) await move(row);
    moved += found.length;
    after = nextAfter(found);
  }
  return moved;
}

/** Later than any hold on a sync. */
const endOfTime = new Date('9999-01-01T00:00:00Z');
const nextAfter = (found: { id: string }[]): string | null =>
  found.length === page ? (found.at(-1)?.id ?? null) : null;

/**
 * One round over what lies: attempts whose moment has passed, accounts of which a provider said something, logins
 * still to delete upstream, syncs whose run was lost, details never collected, address books to read once more. `from`
 * is where the last round left off, so that accounts which cannot be moved never keep others waiting.
 */
async function round(parts: Parts, from: { connections: string; syncs: string }): Promise<void> {
  const { db, clock, temporal, log } = parts;
  await temporal.ensureSearchAttributes();
  await temporal.ensureSchedules();
  const at = (agoMs: number): Date => new Date(clock.now().getTime() - agoMs);
  const since: StalledSince = {
    wanted: at(grace),
    passed: at(0),
    begun: at(patience),
    unsent: at(unsentAfterMs),
    uncleaned: at(compensationRest),
  };
  await db.system((em) => requestChecks(em, at(0), at(degradedRest)));
  const accounts = await db.system((em) => stalledAccounts(em, since, from.connections, page));
  from.connections = nextAfter(accounts) ?? firstId;
  for (const row of accounts) {
    await temporal.signalConnection(refOf(row), signalDeadline);
    log.debug({ account: row.id, tenant: row.tenant_id }, 'told again');
  }
  await clearOwed(parts, accounts);
  const syncs = await db.system((em) => runningSyncs(em, at(patience), at(0), from.syncs, page));
  from.syncs = nextAfter(syncs) ?? firstId;
  for (const row of syncs) await startSync(parts, row);
  await collectMissing(parts);
}

const startSync = ({ temporal }: Parts, { account_id: id, kind, scope, ...row }: StalledSync): Promise<void> =>
  kind === 'contacts'
    ? temporal.startSyncContacts(refOf({ ...row, id }), scope, false)
    : temporal.startSyncDetails(refOf({ ...row, id }), false);

const refOf = (row: StalledAccount): AccountRef => ({
  tenantId: row.tenant_id,
  accountId: row.id,
  channel: row.channel,
  provider: row.provider,
});

/** What intake owed those accounts' runs has been said now. */
async function clearOwed({ db }: Parts, accounts: StalledAccount[]): Promise<void> {
  if (!accounts.length) return;
  await db.system((em) =>
    rows(em, 'update webhook_events set owes_signal = false where owes_signal and account_id = any(?::uuid[])', [
      arrayOf(accounts.map(({ id }) => id)),
    ]),
  );
}

/**
 * Active accounts whose details or address book were never read get a sync run of their own, and those whose book may
 * have been partial when they were connected a second one.
 */
async function collectMissing({ db, clock, temporal, providers }: Parts): Promise<number> {
  const now = clock.now();
  const lacking = await db.system((em) => accountsWithoutDetails(em, new Date(now.getTime() - collectRest), page));
  for (const row of lacking) {
    await db.system((em) => openDetailsRun(em, row.tenant_id, row.id, now));
    await temporal.startSyncDetails(refOf(row));
  }
  const withContacts = Object.entries(providers).flatMap(([name, { contacts }]) => (contacts ? [name] : []));
  const unread = await db.system((em) => accountsWithoutContacts(em, withContacts, page));
  for (const row of unread) {
    const account = { id: row.id, tenantId: row.tenant_id };
    const { scope } = await db.system((em) => openFirstContactsRun(em, account, now));
    await temporal.startSyncContacts(refOf(row), scope);
  }
  const partial = await db.system((em) => accountsToReadAgain(em, now, page));
  let again = 0;
  for (const row of partial) {
    const run = await db.system((em) => openContactsRunAgain(em, { id: row.id, tenantId: row.tenant_id }, now));
    if (!run) continue;
    await temporal.startSyncContacts(refOf(row), run.scope);
    again += 1;
  }
  return lacking.length + unread.length + again;
}

/** Runs a round now, every `everyMs`, and at once on `nudge`, with what `also` does; a round that fails is logged and the next one tries. */
export function keepReconciling(
  parts: Parts,
  everyMs: number,
  also: () => Promise<void>,
): { nudge(): void; stop(): Promise<void> } {
  const from = { connections: firstId, syncs: firstId };
  let stopped = false;
  let running = Promise.resolve();
  let waiting = false;
  /** One round at a time, and one that waits: a long one is not followed by all those that it kept waiting. */
  const next = (): void => {
    if (waiting) return;
    waiting = true;
    running = running.then(async () => {
      waiting = false;
      for (const work of [() => round(parts, from), also])
        try {
          if (!stopped) await work();
        } catch (error) {
          parts.log.warn({ err: error }, 'reconciling failed, next round tries again');
        }
    });
  };
  const timer = setInterval(next, everyMs);
  next();
  return {
    nudge: next,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
