import { Option, type Command } from 'commander';
import { phoneOrProblem } from '../services/contacts/phone-or-problem.ts';
import { syncableAccounts } from '../services/syncs/start-syncs.ts';
import type { SyncJson } from '../services/syncs/sync-json.ts';
import type { ContactTarget } from '../db/queries/syncs/sync-target.ts';
import { errorMessage } from './error-message.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { runInWords, runSyncs } from './sync-runs.ts';
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

/** How long `--wait` waits, in milliseconds. */
const patienceMs = 3_600_000;

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

async function sync(context: Context, { tenant, account, phone, group, wait }: SyncOptions): Promise<SyncJson[]> {
  const { db } = context;
  const { id: tenantId } = await tenantNamed(db, tenant);
  const target: ContactTarget | null = phone !== undefined ? { phone } : group !== undefined ? { group } : null;
  const accounts = await db.tenant(tenantId, (em) => syncableAccounts(context, em, tenantId, 'contacts', { account }));
  return runSyncs(context, tenantId, accounts, { kind: 'contacts', target }, wait ? patienceMs : 0);
}

const inWords = (run: SyncJson) => {
  const { stats, reason, what_to_do: toDo } = run;
  const count = (name: string): number => Number(stats[name] ?? 0);
  return {
    ...runInWords(run),
    fetched: count('total_fetched'),
    inserted: count('inserted'),
    updated: count('updated'),
    unchanged: count('unchanged'),
    failed: count('failed_updates'),
    'with names': count('contacts_with_names'),
    'without names': count('contacts_without_names'),
    reason,
    'what to do': toDo,
  };
};
