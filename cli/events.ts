import { setTimeout as pause } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { FeedRow } from '../db/queries/events/read-feed.ts';
import { eventId, eventTypes, type EventType } from '../domain/events.ts';
import type { Context } from '../services/context.ts';
import { readEvents, type FeedPage } from '../services/events/read-events.ts';
import { Problem } from '../services/problem.ts';
import { tenantOption } from './environment.ts';
import { errorMessage } from './error-message.ts';
import { limitOption } from './limit.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Wanted {
  tenant: string;
  after?: string;
  types?: EventType[];
  account?: string;
  json?: boolean;
}

/** Events that are read at once. */
const pageSize = 200;
/** Seconds that one look waits for events. */
const waitSeconds = 25;
/** The shortest and the longest pause before the feed is tried again, in milliseconds. */
const retryMs = { least: 250, most: 10_000 };

export function addEvents(program: Command): void {
  const events = program.command('events').description('what changed for a tenant, oldest first');
  filtered(events.command('list').description('list events that are kept, or those after a place'))
    .addOption(limitOption())
    .action(async (options: Wanted & { limit: number }) => {
      const found = await withContext((context) => list(context, options));
      print(found.map(eventJson), options, (lines) => table(lines.map(lineOf), 'no events'));
    });
  filtered(events.command('tail').description('print events as they come, until it is interrupted'))
    .addHelpText(
      'after',
      `
Without --after it begins with what comes from now on. A lost connection is tried again, and no event is missed. It ends
with 1 and resync where events after the place are not kept any more: read anew what you keep, and begin with --after now.`,
    )
    .action((options: Wanted) => withContext((context) => tail(context, options)));
}

const filtered = (command: Command): Command =>
  command
    .addOption(tenantOption())
    .option(
      '--after <place>',
      'after this event, or the place where an earlier tail ended; now: what comes from now on',
    )
    .addOption(new Option('--types <types>', 'only of these types, with commas between them').argParser(typesOf))
    .option('--account <id>', 'only of this account')
    .option('--json', 'for machines');

function typesOf(text: string): EventType[] {
  const types = text.split(',').filter(Boolean) as EventType[];
  const unknown = types.find((type) => !eventTypes.includes(type));
  if (unknown) throw new UsageError(`--types: there is no type ${unknown}; types are ${eventTypes.join(', ')}`);
  return types;
}

/** An event as JSON, as the API shows it. */
const eventJson = (row: FeedRow) => ({
  id: eventId(row),
  type: row.type,
  account_id: row.accountId,
  at: row.at,
  data: row.data,
});

const lineOf = ({ account_id: account, data, ...event }: ReturnType<typeof eventJson>) => ({
  id: event.id,
  at: event.at,
  type: event.type,
  account,
  data: inWords(data),
});

const inWords = (data: Record<string, unknown>): string =>
  Object.entries(data)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`)
    .join(' ');

async function list(context: Context, { limit, ...wanted }: Wanted & { limit: number }): Promise<FeedRow[]> {
  const { id: tenantId } = await tenantNamed(context.db, wanted.tenant);
  const found: FeedRow[] = [];
  for (let after = wanted.after; found.length < limit;) {
    const query = { ...wanted, after, limit: Math.min(pageSize, limit - found.length), wait: 0 };
    const { items, next } = await readEvents(context, tenantId, query, context.stopping);
    found.push(...items);
    if (!items.length && next === after) break;
    after = next;
  }
  return found;
}

/** Prints events until the process is interrupted. Throws the problem of a place after which events are missing. */
async function tail(context: Context, wanted: Wanted): Promise<void> {
  const { id: tenantId } = await tenantNamed(context.db, wanted.tenant);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const signal of stopSignals) process.once(signal, interrupt);
  try {
    const next = await follow(context, tenantId, wanted, interrupted.signal);
    process.stderr.write(`go on with --after ${next}\n`);
  } finally {
    for (const signal of stopSignals) process.off(signal, interrupt);
  }
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/** Prints events until `stopped` fires. Answers the place to go on from. */
async function follow(context: Context, tenantId: string, wanted: Wanted, stopped: AbortSignal): Promise<string> {
  const read = (after: string, wait: number): Promise<FeedPage> =>
    readEvents(context, tenantId, { ...wanted, after, limit: pageSize, wait }, stopped);
  // Not tried again: wrong options, and a database that is away, are told at once.
  let { items, next } = await read(wanted.after ?? 'now', 0);
  for (let failures = 0; ;) {
    for (const event of items.map(eventJson))
      process.stdout.write(`${wanted.json ? JSON.stringify(event) : Object.values(lineOf(event)).join('  ')}\n`);
    if (stopped.aborted) return next;
    try {
      ({ items, next } = await read(next, waitSeconds));
      failures = 0;
    } catch (error) {
      if (error instanceof Problem) throw error;
      items = [];
      if (failures === 0) process.stderr.write(`patchbay: ${errorMessage(error)}; trying again\n`);
      const ms = Math.min(retryMs.most, retryMs.least * 2 ** failures);
      failures += 1;
      await pause(ms, undefined, { signal: stopped }).catch(() => undefined);
    }
  }
}
