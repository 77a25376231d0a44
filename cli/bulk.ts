import { Argument, Option, type Command } from 'commander';
import { BulkOperation } from '../db/entities/bulk.ts';
import { accountStates } from '../domain/accounts.ts';
import { bulkAccountKinds, bulkStates, mostPerMinute, type BulkAccountKind, type BulkFilter } from '../domain/bulk.ts';
import { channelNames } from '../domain/channels.ts';
import { canonicalText } from '../domain/text.ts';
import { newId } from '../platform/ids.ts';
import { bulkJson, meaningOf, type BulkJson } from '../services/bulk/bulk-json.ts';
import {
  cancelOperation,
  getOperation,
  pauseOperation,
  resumeOperation,
  retryOperation,
  type OperationNow,
} from '../services/bulk/change.ts';
import { previewOperation, startOperation } from '../services/bulk/start.ts';
import type { Context } from '../services/context.ts';
import { tenantOption } from './environment.ts';
import { cursorOption, limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Options {
  tenant: string;
  json?: boolean;
}

interface StartOptions extends Options, Omit<BulkFilter, 'ids' | 'label'> {
  id?: string[];
  all?: boolean;
  withLabel?: string;
  label?: string;
  removeLabel?: boolean;
  withOwner?: boolean;
  perMinute?: number;
  dryRun?: boolean;
}

export function addBulk(program: Command): void {
  const bulk = program.command('bulk').description('operations over many accounts');
  addStart(bulk);
  bulk
    .command('list', { isDefault: true })
    .description('list bulk operations, newest first')
    .addOption(tenantOption())
    .addOption(new Option('--state <state>', 'only in this state').choices(bulkStates))
    .addOption(cursorOption())
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: Options & { state?: string; cursor?: string; limit: number }) =>
      print(await list(options), options, (found) => table(found.map(lineOf), 'no bulk operations')),
    );
  const changes = {
    show: { does: 'show an operation: its progress, and failures by reason', change: getOperation },
    pause: { does: 'ask no further account until it is resumed', change: pauseOperation },
    resume: { does: 'let a paused or cancelled operation go on', change: resumeOperation },
    cancel: { does: 'ask no further account', change: cancelOperation },
  } as const;
  for (const [word, { does, change }] of Object.entries(changes))
    of(bulk.command(word).description(does)).action((id: string, options: Options) =>
      show(options, (context, tenantId) => change(context, { tenantId, operationId: id })),
    );
  of(bulk.command('retry').description('ask the failed accounts once more'))
    .option('--reason <reason>', 'only those that failed for this reason')
    .action((id: string, options: Options & { reason?: string }) =>
      show(options, (context, tenantId) => retryOperation(context, { tenantId, operationId: id }, options.reason)),
    );
}

const of = (command: Command): Command =>
  command.argument('<id>', "the operation's id").addOption(tenantOption()).option('--json', 'for machines');

function addStart(bulk: Command): void {
  bulk
    .command('start')
    .description('do something to all accounts that the options find; --dry-run shows what would be done')
    .addArgument(new Argument('<operation>').choices(bulkAccountKinds))
    .addOption(tenantOption())
    .option('--id <id...>', 'these accounts')
    .option('--owner <owner>', 'accounts of this owner', canonicalText)
    .addOption(new Option('--channel <channel>', 'accounts of this channel').choices(channelNames))
    .option('--provider <provider>', 'accounts at this provider')
    .addOption(new Option('--state <state>', 'accounts in this state').choices(accountStates))
    .option('--failed', 'first logins that failed')
    .option('--no-failed', 'without first logins that failed')
    .option('--with-label <label>', 'accounts with this label')
    .option('--q <text>', 'accounts with this text in label, owner or identity')
    .option('--all', 'all accounts')
    .option('--label <label>', 'of label: the new label')
    .option('--remove-label', 'of label: removes it')
    .option('--with-owner', 'of reconnect: also begin logins that only the owner can finish')
    .addOption(new Option('--per-minute <n>', 'the most accounts that are asked in a minute').argParser(pace))
    .option('--dry-run', 'show what would be done, change nothing')
    .option('--json', 'for machines')
    .action((operation: BulkAccountKind, options: StartOptions) => start(operation, options));
}

function pace(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > mostPerMinute)
    throw new UsageError(`--per-minute takes a number from 1 to ${mostPerMinute}`);
  return number;
}

/** Throws where the options say too little, or what the operation does not take. */
function workOf(kind: BulkAccountKind, given: StartOptions) {
  const { id: ids, owner, channel, provider, state, failed, withLabel, q, all } = given;
  const words = { ids, owner, channel, provider, state, failed, label: withLabel, q };
  const filter = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined)) as BulkFilter;
  if (Object.keys(filter).length === 0 && !all)
    throw new UsageError('say which accounts are meant, or --all for all of them');
  const isLabel = given.label !== undefined || given.removeLabel === true;
  if (isLabel !== (kind === 'label') || (given.label !== undefined && given.removeLabel))
    throw new UsageError('label takes either --label or --remove-label, the other operations none');
  if (given.withOwner && kind !== 'reconnect') throw new UsageError('--with-owner is for reconnect');
  const options = {
    ...(isLabel && { label: given.label ?? null }),
    ...(given.withOwner && { with_owner: true }),
    ...(given.perMinute !== undefined && { per_minute: given.perMinute }),
  };
  return { kind, filter, options };
}

async function start(kind: BulkAccountKind, given: StartOptions): Promise<void> {
  const work = workOf(kind, given);
  if (given.dryRun) {
    const preview = await withContext(async (context) => {
      const { id: tenantId } = await tenantNamed(context.db, given.tenant);
      return previewOperation(context, { tenantId, ...work });
    });
    print(preview, given, ({ matching, asked, skipped, examples }) =>
      [
        `${matching} accounts, of which ${asked} would be asked${examples.length ? `, such as ${examples.join(', ')}` : ''}`,
        ...skipped.map(
          ({ reason, count, examples: some }) => `${count} not: ${meaningOf(reason)} (${some.join(', ')})`,
        ),
      ].join('\n'),
    );
    return;
  }
  const begun = await withContext(async (context) => {
    const { id: tenantId } = await tenantNamed(context.db, given.tenant);
    return bulkJson(await startOperation(context, { tenantId, keyId: null }, newId(), work));
  });
  print(begun, given, ({ id }) => `${id}: patchbay bulk show ${id} tells how far it is`);
}

const list = ({ tenant, state, cursor, limit }: Options & { state?: string; cursor?: string; limit: number }) =>
  withContext(async ({ db }) => {
    const { id: tenantId } = await tenantNamed(db, tenant);
    const where = { ...(state && { state }), ...(cursor && { id: { $lt: cursor } }) } as object;
    const found = await db.tenant(tenantId, (em) => em.find(BulkOperation, where, { orderBy: { id: 'desc' }, limit }));
    return found.map((one) => bulkJson(one));
  });

async function show(
  options: Options,
  work: (context: Context, tenantId: string) => Promise<OperationNow>,
): Promise<void> {
  const { operation, counts, reasons } = await withContext(async (context) =>
    work(context, (await tenantNamed(context.db, options.tenant)).id),
  );
  print(bulkJson(operation, counts, reasons), options, (one) =>
    [
      table([lineOf(one)]),
      ...[
        ...one.failed.map((each) => ({ ...each, became: 'failed' })),
        ...one.skipped.map((each) => ({ ...each, became: 'skipped' })),
      ].map(({ became, count, reason, what_it_means: meaning }) => `${count} ${became}: ${reason}. ${meaning}`),
    ].join('\n'),
  );
}

const lineOf = ({ id, operation, state, progress, counts, created_at: created, ended_at: ended }: BulkJson) => ({
  id,
  operation,
  state,
  progress: `${Math.floor(progress * 100)} %`,
  counts: Object.entries(counts)
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `${name} ${n}`)
    .join(', '),
  created,
  ended,
});
