import { Option, type Command } from 'commander';
import { WebhookEndpoint } from '../db/entities/outgoing.ts';
import { eventTypes, type EventType } from '../domain/events.ts';
import { newId } from '../platform/ids.ts';
import type { Context } from '../services/context.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  rotateSecret,
  type EndpointInput,
} from '../services/outgoing/endpoints.ts';
import { replayEndpoint } from '../services/outgoing/replay.ts';
import { testEndpoint } from '../services/outgoing/test-endpoint.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { momentOption } from './moment.ts';
import { UsageError } from './usage.ts';

interface Options {
  tenant: string;
  json?: boolean;
}

/** Runs a command for a tenant of this name. */
const forTenant = <T>(name: string, work: (context: Context, tenantId: string) => Promise<T>): Promise<T> =>
  withContext(async (context) => work(context, (await tenantNamed(context.db, name)).id));

/** Nothing takes the terminal away from a command. */
const never = new AbortController().signal;

export function addEndpoints(program: Command): void {
  const endpoints = program.command('endpoints').description('addresses to which events are delivered');
  endpoints
    .command('list')
    .description("list a tenant's endpoints, and which ones are paused or disabled")
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (options: Options) => {
      const found = await forTenant(options.tenant, ({ db }, tenantId) =>
        db.tenant(tenantId, (em) => em.find(WebhookEndpoint, {}, { orderBy: { id: 'asc' } })),
      );
      print(found.map(lineOf), options, (lines) => table(lines, 'no endpoints'));
    });
  settings(endpoints.command('create').argument('<url>', 'where events are delivered'))
    .description('have events delivered to an address from now on; its secret is shown this once')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (url: string, options: Options & Settings) => {
      const { endpoint, secret } = await forTenant(options.tenant, (context, tenantId) =>
        createEndpoint(context, tenantId, newId(), { ...unset, ...inputOf(options), url }),
      );
      print({ ...lineOf(endpoint), secret }, options, () => `${endpoint.id}\n${secret}`);
    });
  settings(endpoints.command('update').argument('<id>', 'the endpoint'))
    .description('change an endpoint; one that is paused is tried at once')
    .option('--url <url>', 'where events are delivered')
    .option('--enable', 'deliver events, from where it stopped')
    .option('--disable', 'deliver nothing')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: Options & Settings & Changes) => {
      if (options.enable && options.disable) throw new UsageError('name one of --enable and --disable');
      const input: Partial<EndpointInput> = {
        ...inputOf(options),
        ...(options.url !== undefined && { url: options.url }),
        ...((options.enable ?? options.disable) && { enabled: Boolean(options.enable) }),
      };
      const changed = await forTenant(options.tenant, (context, tenantId) =>
        changeEndpoint(context, tenantId, id, input),
      );
      print(lineOf(changed), options, (line) => table([line]));
    });
  endpoints
    .command('delete')
    .description('delete an endpoint with its deliveries')
    .argument('<id>', 'the endpoint')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: Options) => {
      await forTenant(options.tenant, (context, tenantId) => deleteEndpoint(context, tenantId, id));
      print({ id }, options, () => `The endpoint ${id} is deleted.`);
    });
  endpoints
    .command('test')
    .description('send an event of the type test now, and print what came back')
    .argument('<id>', 'the endpoint')
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: Options) => {
      const { eventId, status, error, tookMs, answer } = await forTenant(options.tenant, (context, tenantId) =>
        testEndpoint(context, tenantId, id, never),
      );
      print({ event_id: eventId, status, error, took_ms: tookMs, answer }, options, (line) => table([line]));
      if (error) process.exitCode = 1;
    });
  endpoints
    .command('rotate')
    .description('make a new secret, which is shown this once; the former one signs beside it for a while')
    .argument('<id>', 'the endpoint')
    .addOption(new Option('--overlap <hours>', 'how long both secrets sign').default(24).argParser(hours))
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: Options & { overlap: number }) => {
      const { secret } = await forTenant(options.tenant, (context, tenantId) =>
        rotateSecret(context, tenantId, id, options.overlap),
      );
      print({ id, secret }, options, () => secret);
    });
  endpoints
    .command('replay')
    .description('deliver events again with the same ids: all that are dead, or those of a time')
    .argument('<id>', 'the endpoint')
    .addOption(
      new Option('--state <state>', 'in this state').choices(['dead', 'delivered', 'all'] as const).default('dead'),
    )
    .addOption(momentOption('--from <time>', 'queued at this time or later'))
    .addOption(momentOption('--to <time>', 'queued before this time'))
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: Options & Range) => {
      const { state, from, to } = options;
      const filter = { endpointId: id, state: state === 'all' ? undefined : state, from, to };
      const replayed = await forTenant(options.tenant, (context, tenantId) =>
        replayEndpoint(context, tenantId, filter, never),
      );
      print({ replayed }, options, () => `${replayed} are delivered again`);
    });
}

interface Range {
  state: 'dead' | 'delivered' | 'all';
  from?: Date;
  to?: Date;
}

interface Settings {
  description?: string;
  type?: string[];
  account?: string[];
  header?: string[];
  eventsPerRequest?: number;
}
interface Changes {
  url?: string;
  enable?: boolean;
  disable?: boolean;
}

const unset: EndpointInput = {
  url: '',
  description: null,
  types: null,
  accounts: null,
  headers: {},
  eventsPerRequest: 1,
  enabled: true,
};

const settings = (command: Command): Command =>
  command
    .option('--description <text>', 'a note for people')
    .addOption(new Option('--type <type...>', 'these types of events; all when left out').choices(eventTypes))
    .option('--account <id...>', 'these accounts; all when left out')
    .option('--header <name:value...>', 'headers that go with each delivery')
    .addOption(
      new Option('--events-per-request <n>', 'more than 1: batches of up to so many events').argParser(eventCount),
    );

const inputOf = ({ description, type, account, header, eventsPerRequest }: Settings): Partial<EndpointInput> => ({
  ...(description !== undefined && { description }),
  ...(type !== undefined && { types: type as EventType[] }),
  ...(account !== undefined && { accounts: account }),
  ...(eventsPerRequest !== undefined && { eventsPerRequest }),
  ...(header !== undefined && { headers: Object.fromEntries(header.map(headerOf)) }),
});

function headerOf(text: string): [name: string, value: string] {
  const [, name = '', value = ''] = /^([^:]+):\s*(.+)$/.exec(text) ?? [];
  if (!name) throw new UsageError('--header takes a name and a value, as in x-team: sales');
  return [name, value];
}

function eventCount(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 100)
    throw new UsageError('--events-per-request takes a number from 1 to 100');
  return number;
}

function hours(text: string): number {
  const number = Number(text);
  if (!(number >= 0 && number <= 168)) throw new UsageError('--overlap takes hours from 0 to 168');
  return number;
}

const lineOf = ({ id, url, types, accounts, enabled, disabledReason, pausedAt, failures }: WebhookEndpoint) => ({
  id,
  url,
  types: types?.join(',') ?? null,
  accounts: accounts?.join(',') ?? null,
  state: enabled ? (pausedAt ? 'paused' : 'active') : 'disabled',
  disabled_reason: disabledReason,
  failures,
});
