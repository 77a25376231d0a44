import { canonicalText } from '../domain/text.ts';
import { Option, type Command } from 'commander';
import { Account, AccountEvent } from '../db/entities/accounts.ts';
import { newestAttempt } from '../db/queries/attempts/attempt-with-step.ts';
import { accountStates, type AccountState } from '../domain/accounts.ts';
import { channelNames, type Channel } from '../domain/channels.ts';
import { asFailureCode, failureRow } from '../domain/failures.ts';
import { formatPhone } from '../domain/phone.ts';
import { isId } from '../platform/ids.ts';
import { attemptJson } from '../services/connections/attempt-json.ts';
import { addImport } from './accounts-import.ts';
import { addAccountHealth } from './health.ts';
import { tenantOption } from './environment.ts';
import { cursorOption, limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface ListOptions {
  tenant: string;
  state?: AccountState;
  channel?: Channel;
  owner?: string;
  failed: boolean;
  cursor?: string;
  limit: number;
  json?: boolean;
}

export function addAccounts(program: Command): void {
  const accounts = program.command('accounts').description("a tenant's accounts");
  accounts
    .command('list', { isDefault: true })
    .description('list accounts: identity, state, reason, who must act')
    .addOption(tenantOption())
    .addOption(new Option('--state <state>', 'only in this state').choices(accountStates))
    .addOption(new Option('--channel <channel>', 'only of this channel').choices(channelNames))
    .option('--owner <owner>', 'only of this owner', canonicalText)
    .option('--no-failed', 'leave out first logins that failed')
    .addOption(cursorOption())
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: ListOptions) =>
      print(await list(options), options, (found) => table(found, 'no accounts')),
    );
  accounts
    .command('show')
    .description('show one account: what is wrong, what to do, its latest attempt and timeline')
    .argument('<id>', "the account's id")
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: { tenant: string; json?: boolean }) =>
      print(await show(id, options.tenant), options, inWords),
    );
  addAccountHealth(accounts);
  addImport(accounts);
}

const lineOf = ({ id, provider, channel, owner, label, identity, state, reason, who, since }: Account) => ({
  id,
  provider,
  channel,
  owner,
  label,
  identity: identity?.startsWith('+') ? formatPhone(identity) : identity,
  state,
  reason,
  who,
  since: since.toISOString(),
});

const list = ({ tenant, state, channel, owner, failed, cursor, limit }: ListOptions) =>
  withContext(async ({ db }) => {
    const { id: tenantId } = await tenantNamed(db, tenant);
    const wanted = Object.entries({ state, channel, owner }).filter(([, value]) => value !== undefined);
    const after = cursor === undefined ? {} : { id: { $gt: cursor } };
    const connected = failed ? {} : { $not: { state: 'failed' as const } };
    const where = { mergedInto: null, ...Object.fromEntries(wanted), ...connected, ...after };
    return (await db.tenant(tenantId, (em) => em.find(Account, where, { orderBy: { id: 'asc' }, limit }))).map(lineOf);
  });

/** Lines of the timeline that are shown. */
const latest = 15;

const show = (id: string, tenantName: string) =>
  withContext(async (context) => {
    const tenant = await tenantNamed(context.db, tenantName);
    const { account, newest, timeline } = await context.db.tenant(tenant.id, async (em) => {
      const found = isId(id) ? await em.findOne(Account, { id }) : null;
      if (!found) throw new Error(`tenant ${tenantName} has no account ${id}: patchbay accounts list shows them`);
      return {
        account: found,
        newest: await newestAttempt(em, id),
        timeline: await em.find(AccountEvent, { accountId: id }, { orderBy: { id: 'desc' }, limit: latest }),
      };
    });
    return {
      ...lineOf(account),
      what_to_do: account.reason && failureRow(asFailureCode(account.reason)).whatToDo,
      merged_into: account.mergedInto,
      provider_account_id: account.providerAccountId,
      method: account.method,
      last_sync_at: account.lastSyncAt?.toISOString() ?? null,
      details_at: account.detailsAt?.toISOString() ?? null,
      attempt: newest && (await attemptJson(context, { tenantId: tenant.id, scopes: ['operator'] }, newest)),
      timeline: timeline
        .toReversed()
        .map(({ at, kind, text, attempt: number }) => ({ at: at.toISOString(), attempt: number, kind, text })),
    };
  });

function inWords({ attempt, timeline, ...account }: Awaited<ReturnType<typeof show>>): string {
  const facts = Object.entries(account).filter(([, value]) => value !== null);
  const tried = attempt
    ? `${attempt.operation} ${attempt.number}: ${attempt.state}${attempt.reason ? ` (${attempt.reason})` : ''}, ` +
      `begun ${attempt.started_at}, ${attempt.ended_at ? `ended ${attempt.ended_at}` : `until ${attempt.deadline_at}`}`
    : 'none';
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    ...[...facts, ['attempt', tried]].map(([name = '', value]) => `${String(name).padEnd(width)}  ${String(value)}`),
    '',
    table(timeline, 'no timeline'),
  ].join('\n');
}
