import pg from 'pg';
import { openDatabase, type Database } from '../db/connect.ts';
import { listConversations } from '../db/queries/conversations/list-conversations.ts';
import { listMessages } from '../db/queries/messages/list-messages.ts';
import { searchMessages } from '../db/queries/messages/search-messages.ts';
import type { Report } from '../dev/parts/progress.ts';
import { searchWords } from '../domain/search-text.ts';
import { addInbox, inboxId } from './inbox.ts';
import { p95 } from './p95.ts';
import { informative, type Row } from './row.ts';
import { startBenchStack, type BenchStack } from './stack.ts';

type Em = Parameters<Parameters<Database['tenant']>[1]>[0];

/** A reading route, with the statements that find its page. */
interface Reading {
  name: string;
  path(n: number): string;
  find(em: Em, tenant: string): Promise<unknown>;
}

const first = { after: null, limit: 51 };
const conversation = inboxId(1, 'd', 70);
const search = (word: string): Reading => ({
  name: `a search of ${word}`,
  path: () => `/search?q=${word}&in=messages`,
  find: (em, tenant) => searchMessages(em, tenant, searchWords(word), {}, null),
});
const readings: Reading[] = [
  {
    name: 'the conversation list',
    path: () => '/conversations?limit=50',
    find: (em, tenant) => listConversations(em, tenant, {}, first),
  },
  {
    name: 'a thread page',
    path: (n) => `/conversations/${inboxId(1, 'd', 1 + n)}/messages?limit=50`,
    find: (em, tenant) => listMessages(em, tenant, { conversation }, first),
  },
  search('lighthouse'),
  search('hello'),
];

/** How long reading routes take beside `messages` messages (a million by default) in 50,000 conversations, and their plans. */
export async function reading({ messages }: { messages: number }, report: Report, signal: AbortSignal): Promise<Row[]> {
  const stack = await startBenchStack({ RATE_LIMIT_PER_MINUTE: '1000000' }, report, signal);
  try {
    const { rows: tenants } = await stack.admin.query<{ id: string }>('select id from tenants limit 1');
    const tenant = tenants[0]?.id ?? '';
    await addInbox(stack.admin, tenant, 1, { conversations: Math.ceil(messages / 20), messages });
    await stack.admin.query('vacuum (analyze)');
    report(`${messages} messages are there`);
    const rows: Row[] = [];
    for (const one of readings) {
      const ms = await p95(stack, one.path, signal);
      rows.push(informative(`${one.name} at ${messages} messages: p95 ms`, ms, await planOf(stack, tenant, one), null));
    }
    return rows;
  } finally {
    await stack.stop();
  }
}

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** How PostgreSQL reads: the nodes of each statement from the outermost on, with their indexes. */
async function planOf({ admin, adminUrl }: BenchStack, tenant: string, { find }: Reading): Promise<string> {
  const name = pg.escapeIdentifier(new URL(adminUrl).pathname.slice(1));
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
  };
  for (const [setting, value] of Object.entries(settings))
    await admin.query(`alter database ${name} set ${setting} = '${value}'`);
  const plans: string[] = [];
  const client = pg.Client.prototype as unknown as { emit(event: string, ...args: unknown[]): boolean };
  const { emit } = client;
  client.emit = function (this: pg.Client, event, ...args) {
    const text = event === 'notice' ? /plan:\s*(\{[^]*\})/.exec((args[0] as Error).message)?.[1] : undefined;
    if (text) plans.push(shape((JSON.parse(text) as { Plan: PlanNode }).Plan));
    return emit.call(this, event, ...args);
  };
  const db = await openDatabase(adminUrl, { pool: { app: 1, system: 1 } });
  try {
    await db.tenant(tenant, (em) => find(em, tenant));
  } finally {
    client.emit = emit;
    await db.close();
    for (const setting of Object.keys(settings)) await admin.query(`alter database ${name} reset ${setting}`);
  }
  return plans.filter((text) => text.includes('on ')).join('; ');
}

function shape(node: PlanNode): string {
  const on = node['Index Name'] ?? node['Relation Name'];
  const inner = (node.Plans ?? []).map(shape);
  return `${node['Node Type']}${on ? ` on ${on}` : ''}${inner.length ? ` (${inner.join(', ')})` : ''}`;
}
