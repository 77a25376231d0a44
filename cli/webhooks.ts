import { isDeepStrictEqual } from 'node:util';
import type { FilterQuery } from '@mikro-orm/core';
import { Option, type Command } from 'commander';
import { ensureWebhooks } from '../services/webhooks/register-webhooks.ts';
import { previewReplay, replayEvent, type ReplayChange } from '../services/webhooks/replay-event.ts';
import { settingsOf } from '../db/queries/tenants/credentials.ts';
import type { Em } from '../db/connect.ts';
import { WebhookEvent } from '../db/entities/events.ts';
import { requestOf } from '../db/queries/webhooks/requests.ts';
import { sealed } from '../db/sealed.ts';
import { ProviderCredentials, Tenant } from '../db/entities/tenants.ts';
import type { ProviderName } from '../domain/channels.ts';
import { installedProviders } from '../services/boot.ts';
import { isId } from '../platform/ids.ts';
import { tenantOption } from './environment.ts';
import { errorMessage } from './error-message.ts';
import { limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';
import type { Context } from '../services/context.ts';
import { reachOfCredentials } from '../services/provider-reach.ts';

const states = ['received', 'processed', 'unmatched', 'failed'] as const;
type State = (typeof states)[number];

interface ListOptions {
  tenant: string;
  state: State | 'all';
  limit: number;
  json?: boolean;
}

export function addWebhooks(program: Command): void {
  const webhooks = program.command('webhooks').description('events of providers, and where they are sent');
  webhooks
    .command('list')
    .description("list a tenant's events and those that belong to no tenant, newest first")
    .addOption(tenantOption())
    .addOption(new Option('--state <state>', 'in this state').choices([...states, 'all']).default('failed'))
    .addOption(limitOption())
    .option('--json', 'for machines')
    .action(async (options: ListOptions) => {
      const found = await withContext((context) => list(context, options));
      print(found.map(lineOf), options, (lines) =>
        table(lines, `no ${options.state === 'all' ? '' : options.state} events`),
      );
    });
  webhooks
    .command('show')
    .description('show an event with the body of its request')
    .argument('<id>', 'the event')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: { tenant: string; json?: boolean }) => {
      const shown = await withContext((context) => show(context, id, options.tenant));
      print(shown, options, ({ body, ...line }) => `${table([line], '')}\n${body ?? 'its body is not kept'}`);
    });
  webhooks
    .command('replay')
    .description('apply events again, as after a fix: those named, or all that failed')
    .argument('[ids...]', 'the events')
    .option('--failed', 'every failed event')
    .option('--reason <text>', 'of those that failed: with exactly this error')
    .option('--account <id>', 'of those that failed: of this account')
    .option('--since <time>', 'of those that failed: received at this time or later')
    .option('--until <time>', 'of those that failed: received before this time')
    .option('--dry-run', 'print the rows that would change, before and after, and change nothing')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (ids: string[], options: ReplayOptions) => {
      if (ids.length > 0 === Boolean(options.failed)) throw new UsageError('name events, or all that failed: --failed');
      if (options.dryRun) {
        const changes = await withContext((context) => preview(context, ids, options));
        print(changes, options, (lines) => table(lines.map(changeLine), 'nothing would change'));
        return;
      }
      const replayed = await withContext((context) => replay(context, ids, options));
      print(replayed, options, (lines) => table(lines, 'no failed events'));
      if (replayed.some(({ state }) => state === 'failed')) process.exitCode = 1;
    });
  webhooks
    .command('register')
    .description("have each provider send its events to PUBLIC_URL now, where they don't go there yet")
    .addOption(new Option('--provider <provider>', 'this provider only').choices(Object.keys(installedProviders)))
    .option('--json', 'for machines')
    .action(async (options: { provider?: ProviderName; json?: boolean }) => {
      const lines = await withContext((context) => register(context, options.provider));
      print(lines, options, (found) => table(found, 'no provider is configured'));
      if (lines.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
    });
}

const lineOf = (event: WebhookEvent) => ({
  id: event.id,
  provider: event.provider,
  type: event.type,
  state: event.state,
  account: event.accountId,
  deliveries: event.deliveries,
  received_at: event.receivedAt.toISOString(),
  error: event.error,
});

/** A tenant's events, and those of no tenant: these are the installation's own. */
const visibleTo = (tenantId: string) => ({ $or: [{ tenantId }, { tenantId: null }] });

async function list({ db }: Context, { tenant, state, limit }: ListOptions): Promise<WebhookEvent[]> {
  const { id } = await tenantNamed(db, tenant);
  const where = { $and: [visibleTo(id), state === 'all' ? {} : { state }] };
  return db.system((em) => em.find(WebhookEvent, where, { orderBy: { id: 'desc' }, limit }));
}

async function show({ db, vault }: Context, id: string, tenant: string) {
  const { id: tenantId } = await tenantNamed(db, tenant);
  return db.system(async (em) => {
    const event = await eventOf(em, id, tenantId, tenant);
    const request = await requestOf(em, event);
    const keys = await vault.keysOf(em, request?.tenantId ?? null);
    const body = request?.body ? keys.open(request.body, sealed.webhookBody(request.id)) : null;
    return { ...lineOf(event), body };
  });
}

/** Events that are read at once when all are replayed. */
const pageSize = 500;

interface ReplayOptions {
  tenant: string;
  failed?: boolean;
  reason?: string;
  account?: string;
  since?: string;
  until?: string;
  dryRun?: boolean;
  json?: boolean;
}

/** The events that are named, else those that failed and match, the oldest first. */
async function* eventsToReplay({ db }: Context, ids: string[], options: ReplayOptions): AsyncGenerator<WebhookEvent> {
  const { id: tenantId } = await tenantNamed(db, options.tenant);
  for (const id of ids) yield await db.system((em) => eventOf(em, id, tenantId, options.tenant));
  const matching = failedWhere(options);
  for (let after: string | undefined = ids.length ? undefined : ''; after !== undefined;) {
    const page: WebhookEvent[] = await db.system((em) => failedAfter(em, tenantId, after ?? '', matching));
    yield* page;
    after = page.length === pageSize ? page.at(-1)?.id : undefined;
  }
}

function failedWhere({ reason, account, since, until }: ReplayOptions): FilterQuery<WebhookEvent> {
  const at = (name: string, time: string): Date => {
    const parsed = new Date(time);
    if (Number.isNaN(parsed.getTime()))
      throw new UsageError(`--${name}: ${time} is no time such as 2026-01-31T12:00:00Z`);
    return parsed;
  };
  if (account !== undefined && !isId(account)) throw new UsageError(`--account: there is no account ${account}`);
  return {
    ...(reason !== undefined && { error: reason }),
    ...(account !== undefined && { accountId: account }),
    ...((since ?? until) !== undefined && {
      receivedAt: {
        ...(since !== undefined && { $gte: at('since', since) }),
        ...(until !== undefined && { $lt: at('until', until) }),
      },
    }),
  };
}

async function preview(context: Context, ids: string[], options: ReplayOptions) {
  const changes: (ReplayChange & { event: string })[] = [];
  for await (const event of eventsToReplay(context, ids, options))
    for (const change of await previewReplay(context, event.id)) changes.push({ event: event.id, ...change });
  return changes;
}

/** A change with the fields that differ alone. */
const changeLine = ({ event, table: name, id, before, after }: ReplayChange & { event: string }) => ({
  event,
  table: name,
  id,
  change: Object.entries(after)
    .filter(([field, value]) => !isDeepStrictEqual(before?.[field], value))
    .map(([field, value]) => `${field}: ${before ? `${JSON.stringify(before[field])} → ` : ''}${JSON.stringify(value)}`)
    .join(', '),
});

async function replay(context: Context, ids: string[], options: ReplayOptions) {
  const { db } = context;
  const lines: { id: string; type: string; before: State; state: State; account: string | null }[] = [];
  const replayOne = async (event: WebhookEvent): Promise<void> => {
    await replayEvent(context, event.id);
    const after = await db.system((em) => em.findOneOrFail(WebhookEvent, { id: event.id }));
    const { id, type, state, accountId } = after;
    lines.push({ id, type, before: event.state, state, account: accountId });
  };
  for await (const event of eventsToReplay(context, ids, options)) await replayOne(event);
  return lines;
}

async function eventOf(em: Em, id: string, tenantId: string, tenant: string): Promise<WebhookEvent> {
  const found = isId(id) ? await em.findOne(WebhookEvent, { $and: [{ id }, visibleTo(tenantId)] }) : null;
  if (!found) throw new Error(`tenant ${tenant} has no event ${id}: patchbay webhooks list --state all shows them`);
  return found;
}

const failedAfter = (
  em: Em,
  tenantId: string,
  after: string,
  matching: FilterQuery<WebhookEvent>,
): Promise<WebhookEvent[]> =>
  em.find(
    WebhookEvent,
    { $and: [visibleTo(tenantId), { state: 'failed' }, matching, after ? { id: { $gt: after } } : {}] },
    { orderBy: { id: 'asc' }, limit: pageSize },
  );

async function register(context: Context, only?: ProviderName) {
  const { config, db, vault, clock, providers } = context;
  const credentials = await db.system((em) =>
    em.find(ProviderCredentials, only ? { provider: only } : {}, { orderBy: { id: 'asc' } }),
  );
  const tenants = new Map((await db.system((em) => em.find(Tenant, {}))).map(({ id, name }) => [id, name]));
  const lines: { provider: string; tenant: string | null; outcome: 'registered' | 'failed'; why: string }[] = [];
  for (const row of credentials) {
    const line = { provider: row.provider, tenant: row.tenantId && (tenants.get(row.tenantId) ?? row.tenantId) };
    try {
      const provider = providers[row.provider];
      if (!provider) throw new Error('this version does not know the provider');
      const settings = settingsOf(await vault.keysOf(db, row.tenantId), row);
      const call = { settings, reach: reachOfCredentials(config, row), now: clock.now().getTime() };
      await ensureWebhooks(context, provider, call, row.id);
      lines.push({ ...line, outcome: 'registered', why: '' });
    } catch (error) {
      lines.push({ ...line, outcome: 'failed', why: errorMessage(error) });
    }
  }
  return lines;
}
