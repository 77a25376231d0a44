import { Option, type Command } from 'commander';
import { phoneOrProblem } from '../services/contacts/phone-or-problem.ts';
import { beginSyncs, syncableAccounts } from '../services/syncs/start-syncs.ts';
import { describeRun } from '../services/syncs/describe-run.ts';
import type { SyncTarget } from '../db/queries/syncs/open-contacts-run.ts';
import { SyncRun } from '../db/entities/events.ts';
import { errorMessage } from './error-message.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';
import type { Keyset } from '../platform/keyset.ts';
import type { Context } from '../services/context.ts';

interface SyncOptions {
  tenant: string;
  account?: string;
  phone?: string;
  group?: string;
  wait?: boolean;
  json?: boolean;
}

/** How long `--wait` waits, and how often it asks, in milliseconds. */
const patienceMs = 3_600_000;
const everyMs = 500;

export function addContactsSync(contacts: Command): void {
  contacts
    .command('sync')
    .description('fetch contacts from the provider: all, one number, or those of a group')
    .addOption(tenantOption())
    .option('--account <id>', 'this account only; without it every connected account with an address book')
    .addOption(new Option('--phone <number>', 'this number only').argParser(phoneNumber).conflicts('group'))
    .option('--group <group>', 'only the contacts of this group')
    .option('--wait', 'wait for the end and print the result')
    .option('--json', 'for machines')
    .action(async (options: SyncOptions) => {
      const runs = await withContext((context) => sync(context, options));
      print(runs, options, (found) => table(found.map(inWords), 'no connected account has an address book'));
      const bad = runs.some(({ state }) => (options.wait ? state !== 'succeeded' : state === 'failed'));
      if (bad) process.exitCode = 1;
    });
}

function phoneNumber(text: string): string {
  try {
    return phoneOrProblem('--phone', text);
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

async function sync(context: Context, { tenant, account, phone, group, wait }: SyncOptions): Promise<RunJson[]> {
  const { db, vault } = context;
  const { id: tenantId } = await tenantNamed(db, tenant);
  const target: SyncTarget | null = phone !== undefined ? { phone } : group !== undefined ? { group } : null;
  const accounts = await db.tenant(tenantId, (em) => syncableAccounts(context, em, tenantId, 'contacts', { account }));
  const ids = await beginSyncs(context, accounts, { kind: 'contacts', target });
  const read = () => db.tenant(tenantId, (em) => em.find(SyncRun, { id: { $in: ids } }, { orderBy: { id: 'asc' } }));
  let runs = await read();
  const until = Date.now() + (wait ? patienceMs : 0);
  while (Date.now() < until && runs.some(({ state }) => state === 'running')) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    runs = await read();
  }
  const keys = await vault.keysOf(db, tenantId);
  return runs.map((run) => runJson(keys, run));
}

/** A run as JSON, under the names that the API uses. */
function runJson(keys: Keyset, run: SyncRun) {
  const { scope, progress, whatToDo } = describeRun(keys, run);
  return {
    id: run.id,
    account_id: run.accountId,
    kind: run.kind,
    scope,
    state: run.state,
    progress,
    stats: run.stats as Record<string, unknown>,
    reason: run.reason,
    what_to_do: whatToDo,
    started_at: run.startedAt.toISOString(),
    ended_at: run.endedAt?.toISOString() ?? null,
  };
}
type RunJson = ReturnType<typeof runJson>;

const inWords = ({ id, account_id: account, state, progress, stats, reason, what_to_do: toDo }: RunJson) => ({
  run: id,
  account,
  state: state === 'running' ? `running, ${Math.floor(progress * 100)} %` : state,
  fetched: Number(stats['total_fetched'] ?? 0),
  inserted: Number(stats['inserted'] ?? 0),
  updated: Number(stats['updated'] ?? 0),
  unchanged: Number(stats['unchanged'] ?? 0),
  failed: Number(stats['failed_updates'] ?? 0),
  'with names': Number(stats['contacts_with_names'] ?? 0),
  'without names': Number(stats['contacts_without_names'] ?? 0),
  reason,
  'what to do': toDo,
});
