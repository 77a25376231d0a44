import type { Command } from 'commander';
import type { Em } from '../db/connect.ts';
import { Tenant, type SendingStop } from '../db/entities/tenants.ts';
import { countPausedTenants, doubtSends, pauseSending, resumeSending } from '../db/queries/tenants/paused-sending.ts';
import { allStops, stopsOf } from '../db/queries/tenants/sending-stops.ts';
import type { Context } from '../services/context.ts';
import { startSending, stopSending } from '../services/guard/stop-sending.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Json {
  json?: boolean;
}

interface Whom extends Json {
  tenant?: string;
  all?: boolean;
}

/** Sending: stopped and started by the operator, paused after a restore with the Schedules, until an operator resumes. */
export function addSending(program: Command): void {
  const sending = program
    .command('sending')
    .description('stop and start the sending of messages, and resume it after a restore');
  addSwitch(sending);
  addStatus(sending);
  addRestore(sending);
}

function addSwitch(sending: Command): void {
  sending
    .command('stop')
    .description('send nothing more, also nothing that is queued: messages wait in their order')
    .option('--tenant <name>', 'of this tenant')
    .option('--all', 'of all tenants, also of those to come')
    .option('--note <text>', 'why, for people who look later')
    .option('--json', 'for machines')
    .action(async (options: Whom & { note?: string }) => {
      const stops = await withContext(async (context) => {
        const tenantId = await tenantOf(context, options);
        return stopSending(context, { tenantId, reason: 'operator' }, options.note ?? null);
      });
      print({ stops: stops.map(stopLine) }, options, () => 'stopped');
    });
  sending
    .command('start')
    .description('lift a stop; one of all tenants by --all, one of a tenant by --tenant')
    .option('--tenant <name>', 'of this tenant')
    .option('--all', 'of all tenants')
    .option('--json', 'for machines')
    .action(async (options: Whom) => {
      const stops = await withContext(async (context) =>
        startSending(context, { tenantId: await tenantOf(context, options), reason: 'operator' }),
      );
      const still = (): string => `another stop is in force:\n${table(stops.map(stopLine))}`;
      print({ stops: stops.map(stopLine) }, options, () => (stops.length ? still() : 'messages are sent'));
    });
}

function addStatus(sending: Command): void {
  sending
    .command('status')
    .description('what is stopped, and how many tenants are paused after a restore')
    .option('--tenant <name>', 'of this tenant')
    .option('--json', 'for machines')
    .action(async (options: Whom) => {
      const { paused, stops } = await withContext(async ({ db }) => {
        const tenantId = options.tenant === undefined ? null : (await tenantNamed(db, options.tenant)).id;
        return db.system(async (em) => ({
          paused: await countPausedTenants(em),
          stops: await namedStops(em, tenantId),
        }));
      });
      print({ paused, stops }, options, () => statusText(paused, stops));
    });
}

type StopLine = ReturnType<typeof stopLine> & { tenant: string };

/** Of a tenant, or of all; those of a restore, which may be as many as there are tenants, only of one tenant. */
async function namedStops(em: Em, tenantId: string | null): Promise<StopLine[]> {
  const stops = await (tenantId === null ? allStops(em) : stopsOf(em, tenantId));
  const shown = tenantId === null ? stops.filter(({ reason }) => reason !== 'restored') : stops;
  const ids = shown.flatMap((stop) => (stop.tenantId === null ? [] : [stop.tenantId]));
  const names = new Map((await em.find(Tenant, { id: { $in: ids } })).map(({ id, name }) => [id, name]));
  return shown.map((stop) => ({
    tenant: stop.tenantId === null ? '(all)' : (names.get(stop.tenantId) ?? ''),
    ...stopLine(stop),
  }));
}

function statusText(paused: number, stops: readonly StopLine[]): string {
  const lines = [
    ...(paused ? [`paused for ${paused} tenants after a restore: patchbay sending resume`] : []),
    ...(stops.length ? [table(stops)] : []),
  ];
  return lines.join('\n') || 'messages are sent';
}

function addRestore(sending: Command): void {
  sending
    .command('pause')
    .description('pause sending and Schedules of all tenants, as a restore does')
    .option('--restored', 'the database is a copy from before: look for every open message before it is sent')
    .option('--json', 'for machines')
    .action(async (options: Json & { restored?: boolean }) => {
      const paused = await withContext(async ({ db, clock, temporal }) => {
        const n = await db.system(async (em) => {
          if (options.restored) await doubtSends(em, clock.now(), null);
          return pauseSending(em, clock.now());
        });
        await temporal.ensureSchedules(true);
        return n;
      });
      print({ paused }, options, () => `paused for ${paused} tenants`);
    });
  sending
    .command('resume')
    .description('resume sending and Schedules of all tenants after a restore')
    .option('--json', 'for machines')
    .action(resume);
}

/** Sending and Schedules of all tenants go on. */
export async function resume(options: Json): Promise<void> {
  const resumed = await withContext(async ({ db, temporal }) => {
    const n = await db.system(resumeSending);
    await temporal.ensureSchedules(false);
    return n;
  });
  print({ resumed }, options, () => `resumed for ${resumed} tenants`);
}

/** The tenant that is meant; null: all of them. */
async function tenantOf({ db }: Context, { tenant, all }: Whom): Promise<string | null> {
  if ((tenant === undefined) === (all === undefined)) throw new UsageError('name one of: --tenant, --all');
  return tenant === undefined ? null : (await tenantNamed(db, tenant)).id;
}

const stopLine = ({ reason, since, note }: SendingStop) => ({ reason, since: since.toISOString(), note });
