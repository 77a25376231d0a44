import type { Command } from 'commander';
import type { Account } from '../db/entities/accounts.ts';
import type { DetailChange } from '../domain/accounts.ts';
import { failureRow, ProviderFailure, type FailureCode } from '../domain/failures.ts';
import { previewDetails, type DetailsPreview } from '../services/accounts/collect-details.ts';
import type { Context } from '../services/context.ts';
import { syncableAccounts } from '../services/syncs/start-syncs.ts';
import type { SyncJson } from '../services/syncs/sync-json.ts';
import { tenantOption } from './environment.ts';
import { errorMessage } from './error-message.ts';
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
/** Accounts that a dry run asks for at the same time. */
const atOnce = 5;

export function addSyncDetails(sync: Command): void {
  sync
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
  if (options.dryRun) {
    const previews = await preview(context, accounts);
    print(previews, options, previewsInWords);
    if (previews.some(({ outcome }) => outcome === 'would fail' || outcome === 'not asked')) process.exitCode = 1;
    return;
  }
  const runs = await runSyncs(context, tenantId, accounts, { kind: 'details' }, patienceMs);
  print(runs, options, () => table(runs.map(detailsInWords), 'no connected accounts'));
  if (runs.some(({ state }) => state === 'failed')) process.exitCode = 1;
}

const detailsInWords = (run: SyncJson) => ({
  ...runInWords(run),
  changes: Number(run.stats['points_changed'] ?? 0),
  reason: run.reason,
  'what to do': run.what_to_do,
});

/** What a run would do to an account. `not asked`: its provider did not answer. */
interface Preview {
  account: string;
  owner: string;
  channel: string;
  outcome: 'would change' | 'unchanged' | 'would fail' | 'not asked';
  changes: DetailChange[];
  /** How the account's state would move; null where it stays. */
  state: { before: string; after: string; reason: string | null } | null;
  reason: FailureCode | null;
  what_to_do: string | null;
}

/** In the order of the accounts. */
async function preview(context: Context, accounts: readonly Account[]): Promise<Preview[]> {
  const previews: Preview[] = [];
  const turns = accounts.entries();
  const work = async (): Promise<void> => {
    for (const [at, account] of turns) previews[at] = await previewOf(context, account);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return previews;
}

async function previewOf(context: Context, account: Account): Promise<Preview> {
  const { id, tenantId, owner, channel } = account;
  const of = { account: id, owner, channel };
  try {
    const found = await previewDetails(context, { tenantId, accountId: id, now: context.clock.now().getTime() });
    const { changes, moves, reason } = found;
    const state = moves && { before: moves.from.state, after: moves.to.state, reason: moves.to.reason };
    return { ...of, outcome: outcomeOf(found), changes, state, reason, what_to_do: toDo(reason) };
  } catch (error) {
    const reason = error instanceof ProviderFailure ? error.code : 'unexpected';
    const detail = error instanceof ProviderFailure ? toDo(reason) : errorMessage(error);
    return { ...of, outcome: 'not asked', changes: [], state: null, reason, what_to_do: detail };
  }
}

function outcomeOf({ changes, moves, reason }: DetailsPreview): Preview['outcome'] {
  if (reason) return 'would fail';
  return changes.length || moves ? 'would change' : 'unchanged';
}

const toDo = (reason: FailureCode | null): string | null => (reason === null ? null : failureRow(reason).whatToDo);

/** One block for each account that would not stay as it is, one line for each change, and how many there are of each kind. */
function previewsInWords(previews: readonly Preview[]): string {
  const blocks = previews.filter(({ outcome }) => outcome !== 'unchanged').map(blockOf);
  const counts = Map.groupBy(previews, ({ outcome }) => outcome);
  const summary = [...counts].map(([outcome, { length }]) => `${length} ${outcome}`).join(', ');
  return [...blocks, `${previews.length} accounts: ${summary || 'none is connected'}. Nothing was changed.`].join('\n');
}

function blockOf({ account, owner, channel, outcome, changes, state, reason, what_to_do: todo }: Preview): string {
  return [
    `${account}  ${channel} of ${owner}: ${outcome}${reason ? ` (${reason})` : ''}`,
    ...(todo ? [`  ${todo}`] : []),
    ...(state ? [`  state: ${state.before} → ${state.after}${state.reason ? ` (${state.reason})` : ''}`] : []),
    ...changes.map(({ path, before, after }) => `  ${path}: ${shown(before)} → ${shown(after)}`),
  ].join('\n');
}

const shown = (value: unknown): string => (value === null || value === undefined ? 'none' : JSON.stringify(value));
