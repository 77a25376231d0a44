import { Option, type Command } from 'commander';
import { phoneOrProblem } from '../services/contacts/phone-or-problem.ts';
import { beginSyncs, syncableAccounts } from '../services/syncs/start-syncs.ts';
import { syncView, type SyncView } from '../api/views/sync.ts';
import type { SyncTarget } from '../db/queries/syncs/open-contacts-run.ts';
import { SyncRun } from '../db/entities/events.ts';
import { errorMessage } from './error-message.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';
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
    .description('fetch contacts from the provider: everybody, one number, or those of a group')
    .addOption(tenantOption())
    .option('--account <id>', 'this account only; without it every connected one that has an address book')
    .addOption(new Option('--phone <number>', 'this number only').argParser(phoneNumber).conflicts('group'))
    .option('--group <group>', 'only whom you sorted into this group')
    .option('--wait', 'wait for the end and print what came of it')
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

async function sync(context: Context, { tenant, account, phone, group, wait }: SyncOptions): Promise<SyncView[]> {
  const { db, vault } = context;
  const { id: tenantId } = await tenantNamed(db, tenant);
  const target: SyncTarget | null = phone !== undefined ? { phone } : group !== undefined ? { group } : null;
  const accounts = await db.tenant(tenantId, (em) => syncableAccounts(context, em, tenantId, 'contacts', { account }));
  const ids = await beginSyncs(context, accounts, { kind: 'contacts', target });
  const look = () => db.tenant(tenantId, (em) => em.find(SyncRun, { id: { $in: ids } }, { orderBy: { id: 'asc' } }));
  let runs = await look();
  const until = Date.now() + (wait ? patienceMs : 0);
  while (Date.now() < until && runs.some(({ state }) => state === 'running')) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    runs = await look();
  }
  return runs.map(syncView(await vault.keysOf(db, tenantId)));
}

const inWords = ({ id, account_id: account, state, progress, stats, reason, what_to_do: toDo }: SyncView) => ({
  run: id,
  account,
  state: state === 'running' ? `running, ${Math.floor(progress * 100)} %` : state,
  fetched: Number(stats.total_fetched ?? 0),
  inserted: Number(stats.inserted ?? 0),
  updated: Number(stats.updated ?? 0),
  unchanged: Number(stats.unchanged ?? 0),
  failed: Number(stats.failed_updates ?? 0),
  'with names': Number(stats.contacts_with_names ?? 0),
  'without names': Number(stats.contacts_without_names ?? 0),
  reason,
  'what to do': toDo,
});
