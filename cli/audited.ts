import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { insertAuditEntry, type NewAuditEntry } from '../db/queries/audit/insert-entries.ts';
import { openAsOwner } from '../db/migrate.ts';
import { Tenant } from '../db/entities/tenants.ts';
import { rows, sql } from '../db/sql.ts';
import { isId, newId } from '../platform/ids.ts';
import { blankEntry } from '../services/audit/record.ts';
import type { Context } from '../services/context.ts';
import { errorMessage } from './error-message.ts';

/** Commands that show what is not kept sealed, and change nothing. Every other one is recorded. */
export const readers: ReadonlySet<string> = new Set([
  'doctor',
  'health',
  'accounts list',
  'accounts health',
  'accounts show',
  'contacts list',
  'contacts show',
  'contacts stats',
  'events list',
  'events tail',
  'endpoints list',
  'deliveries list',
  'keys list',
  'keys status',
  'webhooks list',
  'sending status',
  'audit list',
  'analytics daily',
  'bulk list',
  'bulk show',
]);

/** Commands that show what is kept sealed, or much at once. */
export const looks: ReadonlySet<string> = new Set([
  'webhooks show',
  'erasures export',
  'audit export',
  'export tenant',
  'export person',
]);

/** A command that runs: its words below `patchbay`, its options, the ids that it was given. */
interface Called {
  words: string;
  options: Record<string, unknown>;
  ids: string[];
}

const current = new AsyncLocalStorage<{ called: Called | null }>();

/** Runs one `patchbay`; what it does is recorded as its command's. */
export const asCommand = <T>(work: () => Promise<T>): Promise<T> => current.run({ called: null }, work);

/** Before a command's action. */
export function noteCommand(action: Command): void {
  const store = current.getStore();
  if (!store) return;
  const words: string[] = [];
  for (let one: Command | null = action; one?.parent; one = one.parent) words.unshift(one.name());
  const given = action.args.filter(isId);
  store.called = { words: words.join(' '), options: action.opts(), ids: given };
}

/** Records the command before it works, and once more where it fails. */
export async function recorded<T>({ db }: Pick<Context, 'db'>, work: () => Promise<T>): Promise<T> {
  const store = current.getStore();
  const called = store?.called;
  if (!called || readers.has(called.words)) return work();
  const entry = await db.system(async (em) => {
    const { tenant } = called.options;
    const found = typeof tenant === 'string' ? await em.findOne(Tenant, { name: tenant }) : null;
    const made = entryOf(called, found?.id ?? null);
    await insertAuditEntry(em, made);
    return made;
  });
  // One entry for a command that opens several contexts.
  store.called = null;
  try {
    return await work();
  } catch (error) {
    await db.system((em) => insertAuditEntry(em, { ...entry, id: newId(), outcome: 'failed', code: codeOf(error) }));
    throw error;
  }
}

function entryOf({ words, options, ids }: Called, tenantId: string | null): NewAuditEntry {
  return {
    ...blankEntry,
    id: newId(),
    tenantId,
    kind: looks.has(words) ? 'look' : 'write',
    via: 'command',
    actor: userName(),
    action: words,
    target: ids[0] ?? null,
    address: hostname(),
    details: detailsOf(options, ids),
  };
}

function userName(): string {
  try {
    return process.env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // In a container a user may have a number and no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Switches and ids, and the names of the other options: their values are texts of the caller. */
function detailsOf(options: Record<string, unknown>, ids: readonly string[]): Record<string, unknown> {
  const shown = Object.entries(options).filter(
    ([name, value]) => typeof value === 'boolean' || name === 'scope' || (typeof value === 'string' && isId(value)),
  );
  return {
    ...Object.fromEntries(shown),
    options: Object.keys(options),
    ...(ids.length > 1 && { ids: ids.slice(0, 20) }),
  };
}

const codeOf = (error: unknown): string => {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'unexpected';
};

/** After migrations, which `schema_migrations` records in their own transactions: the entry says who ran them. */
export async function recordMigration(url: string, applied: readonly string[]): Promise<void> {
  const orm = await openAsOwner(url);
  try {
    await orm.em.fork().transactional(async (em) => {
      await rows(em, sql`set local role patchbay_system`);
      const entry = entryOf({ words: 'migrate', options: {}, ids: [] }, null);
      await insertAuditEntry(em, { ...entry, details: { applied } });
    });
  } catch (error) {
    process.stderr.write(`patchbay: who ran the migrations is not recorded: ${errorMessage(error)}\n`);
  } finally {
    await orm.close(true);
  }
}
