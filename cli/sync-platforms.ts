import { Option, type Command } from 'commander';
import { asFailureCode, failureRow } from '../domain/failures.ts';
import { isId } from '../platform/ids.ts';
import type { VisitResult } from '../db/queries/visits/visit-results.ts';
import { visitNow, type VisitedNow } from '../services/visits/visit-now.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Options {
  tenant?: string;
  account?: string;
  json?: boolean;
}

/** How long the command waits for the end, in milliseconds. */
const patienceMs = 600_000;
/** Lines of accounts that were not visited well. */
const mostLines = 50;

export function addSyncPlatforms(sync: Command): void {
  sync
    .command('platforms')
    .description('visit connected accounts now, as the sweep does every five minutes: news, webhooks, details')
    .option('--tenant <name>', "this tenant's accounts only")
    .addOption(new Option('--account <id>', 'this account only').argParser(accountId))
    .option('--json', 'for machines')
    .action(async (options: Options) => {
      const found = await withContext(async (context) => {
        const tenant = options.tenant === undefined ? null : await tenantNamed(context.db, options.tenant);
        const chosen = { tenantId: tenant?.id ?? null, accountId: options.account ?? null };
        return visitNow(context, chosen, patienceMs);
      });
      if (found === 'paused')
        throw new Error(
          'the Schedule syncPlatforms is paused: after a restore, by PLATFORM_SYNC_ENABLED or in Temporal',
        );
      if (options.account !== undefined && !found.results.length)
        throw new Error(`no connected account has the id ${options.account}`);
      print(found, options, inWords);
      if (found.left || found.results.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
    });
}

function accountId(text: string): string {
  if (!isId(text)) throw new UsageError('--account takes the id of an account');
  return text;
}

function inWords({ results, left }: VisitedNow): string {
  const groups = Map.groupBy(results, ({ provider, channel, outcome }) => `${provider} ${channel} ${outcome}`);
  const summary = [...groups.values()].map((group) => ({
    provider: group[0]?.provider,
    channel: group[0]?.channel,
    outcome: group[0]?.outcome,
    accounts: group.length,
    messages: group.reduce((sum, { messages }) => sum + messages, 0),
    'webhooks not right': group.filter(({ webhook }) => webhook !== null && webhook !== 'ok').length,
  }));
  const bad = results.filter(({ outcome, webhook }) => outcome === 'failed' || (webhook !== null && webhook !== 'ok'));
  return [
    table(summary, 'no connected accounts'),
    ...(bad.length ? ['', table(bad.slice(0, mostLines).map(lineOf))] : []),
    ...(bad.length > mostLines ? [`and ${bad.length - mostLines} more: --json shows all`] : []),
    ...(left ? ['', `${left} accounts were not visited in time; the sweep goes on`] : []),
  ].join('\n');
}

const lineOf = ({ account_id: account, outcome, reason, webhook, next_visit_at: next }: VisitResult) => ({
  account,
  outcome,
  webhook,
  reason,
  'next visit': next,
  'what to do': reason === null ? null : failureRow(asFailureCode(reason)).whatToDo,
});
