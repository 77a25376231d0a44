import { Option, type Command } from 'commander';
import { whoNames, type Who } from '../domain/accounts.ts';
import { waysToResume } from '../domain/sending-stops.ts';
import { accountHealth } from '../services/health/account-health.ts';
import { fleetHealth } from '../services/health/fleet-health.ts';
import { Problem } from '../services/problem.ts';
import { tenantOption } from './environment.ts';
import { limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface FleetOptions {
  who?: Who;
  limit: number;
  json?: boolean;
}

const whoOption = (): Option =>
  new Option('--who <who>', 'only accounts that need this side; without it the owner or the operator').choices(
    whoNames,
  );

/** `patchbay health`: the whole installation. */
export function addHealth(program: Command): void {
  program
    .command('health')
    .description(
      'how the accounts of all tenants do: counts, what is due or late, which need the owner or the operator',
    )
    .addOption(whoOption())
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: FleetOptions) => print(await fleet(options, null), options, fleetInWords));
}

/** `patchbay accounts health`: a tenant's accounts, or one of them. */
export function addAccountHealth(accounts: Command): void {
  accounts
    .command('health')
    .description("how one account does, and why; without an id, how the tenant's accounts do")
    .argument('[id]', "the account's id")
    .addOption(tenantOption())
    .addOption(new Option('--days <n>', 'days of use of one account, at most 31').default(7).argParser(days))
    .addOption(whoOption())
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (id: string | undefined, options: FleetOptions & { tenant: string; days: number }) => {
      if (id === undefined) print(await fleet(options, options.tenant), options, fleetInWords);
      else print(await one(id, options), options, accountInWords);
    });
}

function days(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 31)
    throw new UsageError('--days takes a number from 1 to 31');
  return number;
}

const one = (id: string, options: { tenant: string; days: number }) =>
  withContext(async (context) => {
    const tenant = await tenantNamed(context.db, options.tenant);
    try {
      return await accountHealth(context, tenant.id, id, options.days);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'not_found') throw error;
      throw new Error(`tenant ${options.tenant} has no account ${id}: patchbay accounts list shows them`);
    }
  });

const fleet = ({ who, limit }: FleetOptions, tenantName: string | null) =>
  withContext(async (context) => {
    const tenantId = tenantName === null ? null : (await tenantNamed(context.db, tenantName)).id;
    const { health, next } = await fleetHealth(context, { tenantId, who, after: null, limit });
    return { ...health, more: next !== null };
  });

const lines = (facts: Readonly<Record<string, string | number | null>>): string => {
  const shown = Object.entries(facts).filter(([, value]) => value !== null);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
};

const counts = (by: Readonly<Record<string, number>>): string =>
  Object.entries(by)
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ') || 'none';

const inHours = (seconds: number | null): string | null =>
  seconds === null ? null : `${(seconds / 3_600).toFixed(1)} h`;

function accountInWords(health: Awaited<ReturnType<typeof one>>): string {
  const { activity, subscription, visits, token, coverage, guard, reconnects } = health;
  const { limits, used } = guard.sends;
  const facts = lines({
    account: `${health.account_id} (${health.provider}, ${health.channel}, owner ${health.owner})`,
    verdict: `${health.verdict}: ${health.summary}`,
    state: `${health.state} since ${health.since}`,
    'last webhook': activity.last_webhook_at,
    'last message in': activity.last_message_in_at,
    'last message out': activity.last_message_out_at,
    silent: inHours(activity.silence.silent_seconds),
    'unusual after': inHours(activity.silence.unusual_after_seconds),
    webhook: subscription && `${subscription.state ?? 'not known'}: ${subscription.actual_address ?? 'no address'}`,
    'last visit': visits?.last_at ?? null,
    'token ends': token?.ends_at ?? null,
    conversations: `${coverage.conversations} met, ${coverage.behind} behind, ${coverage.unread} not read`,
    sends: `${used.hour} of ${limits.per_hour ?? 'any number'} an hour, ${used.day} of ${limits.per_day ?? 'any number'} a day`,
    logins: `${guard.logins.used.hour} of ${guard.logins.limits.per_hour ?? 'any number'} an hour`,
    'sending stopped': guard.stopped && waysToResume[guard.stopped.reason],
    reconnects: `${reconnects.succeeded} in ${reconnects.days} days`,
  });
  const use = health.usage.map(({ date, messages_in, messages_out, sends, syncs, webhook_events }) => ({
    date,
    in: messages_in,
    out: messages_out,
    sent: sends.sent,
    'not sent': sends.failed + sends.unclear + sends.cancelled,
    syncs: syncs.succeeded,
    'failed syncs': syncs.failed,
    webhooks: webhook_events ?? 'many',
  }));
  const wrong = health.reasons.map(({ verdict, text, who, what_to_do }) => ({
    verdict,
    'what is wrong': text,
    'who acts': who,
    'what to do': what_to_do,
  }));
  const errors = health.errors.map(({ source, code, errors: n, last_at }) => ({ source, code, errors: n, last_at }));
  return [facts, table(wrong, 'nothing is wrong'), table(errors, 'no errors'), table(use)].join('\n\n');
}

function fleetInWords(health: Awaited<ReturnType<typeof fleet>>): string {
  const { syncs, queues, oldest_trouble: oldest } = health;
  const facts = lines({
    accounts: `${health.accounts} (${counts(health.by_state)})`,
    verdicts: counts(health.by_verdict),
    providers: counts(health.by_provider),
    channels: counts(health.by_channel),
    'who must act': counts(health.must_act),
    silent: health.silent,
    'oldest trouble': oldest && `${oldest.account_id} since ${oldest.since}: ${oldest.reason ?? oldest.state}`,
    'webhooks to apply': queues.webhook_events.waiting,
    'messages to send': queues.sends.waiting,
    'feed lag': `${queues.feed_lag_seconds.toFixed(1)} s`,
    'delivery lag': `${queues.deliveries.lag_seconds.toFixed(1)} s, ${queues.deliveries.paused_endpoints} endpoints paused`,
    running: counts(syncs.running),
  });
  const due = syncs.due.map(({ kind, due: n, overdue, oldest_due_at }) => ({
    kind,
    due: n,
    overdue,
    since: oldest_due_at,
  }));
  const reasons = health.reasons.map(({ code, who, accounts, what_to_do }) => ({
    reason: code,
    who,
    accounts,
    'what to do': what_to_do,
  }));
  const items = health.items.map(({ account_id, provider, channel, owner, state, reason, who, since, ...more }) => ({
    account_id,
    ...('tenant' in more && { tenant: more.tenant ?? null }),
    provider,
    channel,
    owner,
    state,
    reason,
    who,
    since,
  }));
  const more = health.more ? '\nThere are more: --limit shows them.' : '';
  return [
    facts,
    table(due),
    table(reasons, 'no account is in trouble'),
    `${table(items, 'no account needs anything')}${more}`,
  ].join('\n\n');
}
