import type { Command } from 'commander';
import { previewDetails } from '../activities/collect-details.ts';
import type { Deps } from '../activities/deps.ts';
import { Account } from '../db/entities/accounts.ts';
import { SyncRun } from '../db/entities/events.ts';
import { openDetailsRun } from '../db/queries/open-details-run.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { openMotion } from '../platform/temporal.ts';
import { providers } from '../providers/providers.ts';
import { tenantNamed, withSession, type Session } from './session.ts';

interface Options {
  tenant: string;
  account?: string;
  dryRun?: boolean;
  json?: boolean;
}

export function addSync(program: Command): void {
  program
    .command('sync')
    .description('syncs')
    .command('details')
    .description('collect the account details of a tenant or of one account')
    .requiredOption('--tenant <name>', "the tenant's name")
    .option('--account <id>', 'this account only')
    .option('--dry-run', 'show what would change, change nothing')
    .option('--json', 'for machines')
    .action(async (options: Options) => {
      const lines = await withSession((session) => syncDetails(session, options));
      if (options.json) console.log(JSON.stringify(lines));
      else if (lines.length) console.table(lines);
      else console.log('no connected accounts');
      if (lines.some((line) => line.outcome === 'failed')) process.exitCode = 1;
    });
}

interface Line {
  account: string;
  outcome: string;
  changes?: unknown;
  reason?: string | null;
}

async function syncDetails(session: Session, options: Options): Promise<Line[]> {
  const { db } = session;
  const tenant = await tenantNamed(db, options.tenant);
  const where = {
    mergedInto: null,
    providerAccountId: { $ne: null },
    ...(options.account ? { id: options.account } : {}),
  };
  const accounts = await db.tenant(tenant.id, (em) => em.find(Account, where, { orderBy: { id: 'asc' } }));
  if (options.account && !accounts.length)
    throw new Error(`tenant ${options.tenant} has no connected account ${options.account}`);
  return options.dryRun ? preview(session, accounts) : run(session, accounts);
}

async function preview({ config, db, vault, clock }: Session, accounts: Account[]): Promise<Line[]> {
  const deps: Deps = {
    db,
    vault,
    clock,
    log: createLog('cli', 'silent'),
    metrics: createMetrics(),
    providers,
    publicUrl: config.PUBLIC_URL,
    tellConnection: () => Promise.resolve(),
  };
  const lines: Line[] = [];
  for (const { id, tenantId } of accounts) {
    try {
      const changes = await previewDetails(deps)({ tenantId, accountId: id, now: clock.now().getTime() });
      lines.push({ account: id, outcome: changes.length ? 'would change' : 'unchanged', changes });
    } catch (error) {
      lines.push({ account: id, outcome: 'failed', reason: (error as Error).message });
    }
  }
  return lines;
}

/** Starts every account's run, then waits for all of them. */
async function run({ config, db, vault, clock }: Session, accounts: Account[]): Promise<Line[]> {
  const motion = openMotion(config, vault);
  try {
    const runs: { account: string; run: string }[] = [];
    for (const { id, tenantId, channel, provider } of accounts) {
      const started = await db.tenant(tenantId, (em) => openDetailsRun(em, tenantId, id, clock.now()));
      await motion.startSyncDetails({ tenantId, accountId: id, channel, provider });
      runs.push({ account: id, run: started });
    }
    return await Promise.all(runs.map(({ account, run: id }) => finished(db, account, id)));
  } finally {
    await motion.close();
  }
}

/** Waits for a run's end, five minutes at most. */
async function finished(db: Session['db'], account: string, id: string): Promise<Line> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await db.system((em) => em.findOne(SyncRun, { id }));
    if (found && found.state !== 'running')
      return { account, outcome: found.state, changes: found.stats.points_changed, reason: found.reason };
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return { account, outcome: 'running', reason: 'still running: see GET /api/v1/syncs/{id}' };
}
