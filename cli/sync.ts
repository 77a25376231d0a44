import type { Command } from 'commander';
import { previewDetails } from '../services/accounts/collect-details.ts';
import type { Database } from '../db/connect.ts';
import { Account } from '../db/entities/accounts.ts';
import type { DetailChange } from '../domain/accounts.ts';
import { SyncRun } from '../db/entities/events.ts';
import { openDetailsRun } from '../db/queries/syncs/open-details-run.ts';
import { isId } from '../platform/ids.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import type { Context } from '../services/context.ts';

interface Options {
  tenant: string;
  account?: string;
  dryRun?: boolean;
  json?: boolean;
}

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
    .action(async (options: Options) => {
      const lines = await withContext((context) => syncDetails(context, options));
      print(lines, options, () => table(lines.map(inWords), 'no connected accounts'));
      if (lines.some((line) => line.outcome === 'failed')) process.exitCode = 1;
    });
}

interface Line {
  account: string;
  outcome: string;
  /** In a preview each, else how many. */
  changes?: DetailChange[] | number;
  reason?: string | null;
}

const inWords = ({ account, outcome, changes, reason }: Line) => ({
  account,
  outcome,
  changes: Array.isArray(changes) ? changes.map(changeInWords).join('; ') : changes,
  reason,
});

const changeInWords = ({ path, before, after }: DetailChange): string => `${path}: ${shown(before)} → ${shown(after)}`;

/** Lists and objects are too long for a line: `--json` shows them. */
const shown = (value: unknown): string =>
  value === null ? 'none' : typeof value === 'object' ? '…' : JSON.stringify(value);

async function syncDetails(context: Context, options: Options): Promise<Line[]> {
  const { db } = context;
  const tenant = await tenantNamed(db, options.tenant);
  const where = {
    mergedInto: null,
    providerAccountId: { $ne: null },
    ...(options.account ? { id: options.account } : {}),
  };
  const unknown = options.account !== undefined && !isId(options.account);
  const accounts = unknown
    ? []
    : await db.tenant(tenant.id, (em) => em.find(Account, where, { orderBy: { id: 'asc' } }));
  if (options.account && !accounts.length)
    throw new Error(`tenant ${options.tenant} has no connected account ${options.account}`);
  return options.dryRun ? preview(context, accounts) : run(context, accounts);
}

async function preview(context: Context, accounts: Account[]): Promise<Line[]> {
  const lines: Line[] = [];
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

/** Starts every account's run, then waits for all of them. */
async function run(context: Context, accounts: Account[]): Promise<Line[]> {
  const { db, clock, temporal } = context;
  const runs: { account: string; run: string }[] = [];
  for (const { id, tenantId, channel, provider } of accounts) {
    const started = await db.tenant(tenantId, (em) => openDetailsRun(em, id, clock.now()));
    await temporal.startSyncDetails({ tenantId, accountId: id, channel, provider }, 'api');
    runs.push({ account: id, run: started });
  }
  return Promise.all(runs.map(({ account, run: id }) => finished(db, account, id)));
}

/** Waits for a run's end, five minutes at most. */
async function finished(db: Database, account: string, id: string): Promise<Line> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await db.system((em) => em.findOne(SyncRun, { id }));
    if (found && found.state !== 'running')
      return { account, outcome: found.state, changes: Number(found.stats.points_changed ?? 0), reason: found.reason };
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return { account, outcome: 'running', reason: 'still running: see GET /api/v1/syncs/{id}' };
}
