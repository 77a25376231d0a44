import type { Command } from 'commander';
import type { Account } from '../db/entities/accounts.ts';
import type { DetailChange } from '../domain/accounts.ts';
import { previewDetails } from '../services/accounts/collect-details.ts';
import type { Context } from '../services/context.ts';
import { syncableAccounts } from '../services/syncs/start-syncs.ts';
import type { SyncJson } from '../services/syncs/sync-json.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { runInWords, runSyncs } from './sync-runs.ts';

interface Options {
  tenant: string;
  account?: string;
  dryRun?: boolean;
  json?: boolean;
}

/** How long the command waits for the end, in milliseconds. */
const patienceMs = 300_000;

export function addSync(program: Command): void {
  program
    .command('sync')
    .description("sync what a provider knows of a tenant's accounts")
    .command('details')
    .description('collect the account details of a tenant or of one account')
    .addOption(tenantOption())
    .option('--account <id>', 'this account only')
    .option('--dry-run', 'show what would change, change nothing')
    .option('--json', 'for machines')
    .action((options: Options) => withContext((context) => syncDetails(context, options)));
}

async function syncDetails(context: Context, options: Options): Promise<void> {
  const { id: tenantId } = await tenantNamed(context.db, options.tenant);
  const accounts = await context.db.tenant(tenantId, (em) =>
    syncableAccounts(context, em, tenantId, 'details', { account: options.account }),
  );
  const none = 'no connected accounts';
  if (options.dryRun) {
    const previews = await preview(context, accounts);
    print(previews, options, () => table(previews.map(previewInWords), none));
    if (previews.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
    return;
  }
  const runs = await runSyncs(context, tenantId, accounts, { kind: 'details' }, patienceMs);
  print(runs, options, () => table(runs.map(detailsInWords), none));
  if (runs.some(({ state }) => state === 'failed')) process.exitCode = 1;
}

const detailsInWords = (run: SyncJson) => ({
  ...runInWords(run),
  changes: Number(run.stats['points_changed'] ?? 0),
  reason: run.reason,
  'what to do': run.what_to_do,
});

interface Preview {
  account: string;
  outcome: 'would change' | 'unchanged' | 'failed';
  changes?: DetailChange[];
  reason?: string;
}

async function preview(context: Context, accounts: Account[]): Promise<Preview[]> {
  const lines: Preview[] = [];
  for (const { id, tenantId } of accounts) {
    try {
      const changes = await previewDetails(context, { tenantId, accountId: id, now: context.clock.now().getTime() });
      lines.push({ account: id, outcome: changes.length ? 'would change' : 'unchanged', changes });
    } catch (error) {
      lines.push({ account: id, outcome: 'failed', reason: (error as Error).message });
    }
  }
  return lines;
}

const previewInWords = ({ account, outcome, changes = [], reason }: Preview) => ({
  account,
  outcome,
  changes: changes.map(changeInWords).join('; '),
  reason,
});

const changeInWords = ({ path, before, after }: DetailChange): string => `${path}: ${shown(before)} → ${shown(after)}`;

/** Lists and objects are too long for a line: `--json` shows them. */
const shown = (value: unknown): string =>
  value === null ? 'none' : typeof value === 'object' ? '…' : JSON.stringify(value);
