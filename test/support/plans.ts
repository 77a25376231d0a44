import pg from 'pg';
import type { TestApi } from '../api/support.ts';
import { debianPostgres, startBarePostgres } from '../deploy/debian-postgres.ts';
import { required } from './database.ts';

/** A node of a plan, as `explain (analyze, format json)` names its fields. */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: PlanNode[];
}
export interface Explained {
  'Query Text': string;
  Plan: PlanNode;
}

/** Records the plan of every statement, also of those in functions, triggers and foreign keys, that runs while `work` does. */
export async function plansOf(work: () => Promise<unknown>): Promise<Explained[]> {
  const plans: Explained[] = [];
  const client = pg.Client.prototype as unknown as { emit(name: string, ...args: unknown[]): boolean };
  const { emit } = client;
  client.emit = function (this: pg.Client, name, ...args) {
    const text = name === 'notice' ? /plan:\s*(\{[^]*\})/.exec((args[0] as Error).message)?.[1] : undefined;
    if (text) plans.push(JSON.parse(text) as Explained);
    return emit.call(this, name, ...args);
  };
  try {
    await work();
  } finally {
    client.emit = emit;
  }
  return plans;
}

/** Rows that a node reads, those that it drops included. */
const readBy = (node: PlanNode): number =>
  (node['Actual Loops'] ?? 1) *
  ((node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0));

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Statements with a node that reads more rows than it may, with what reads them. */
export const greedy = (plans: readonly Explained[], most: number): string[] =>
  statementsWith(plans, (node) => readBy(node) > most);

/** Statements that read a whole table of these. */
export const scans = (plans: readonly Explained[], tables: readonly string[]): string[] =>
  statementsWith(
    plans,
    (node) => node['Node Type'] === 'Seq Scan' && readBy(node) > 0 && tables.includes(node['Relation Name'] ?? ''),
  );

const statementsWith = (plans: readonly Explained[], isWrong: (node: PlanNode) => boolean): string[] => [
  ...new Set(
    plans.flatMap(({ 'Query Text': text, Plan }) =>
      nodesOf(Plan)
        .filter(isWrong)
        .map(
          (node) =>
            `${node['Node Type']} on ${node['Relation Name'] ?? ''}: ${readBy(node)} rows: ${text.replace(/\s+/g, ' ').slice(0, 300)}`,
        ),
    ),
  ),
];

const debian = debianPostgres();
/** The server of the test run, and where Debian's is installed that one: names and programs. */
export const planServers = [['of the test run', null], ...(debian ? [[`${debian.major}`, debian.bin]] : [])] as [
  string,
  string | null,
][];

/** Until `stop`, test databases are made on the server. */
export interface PlanServer {
  stop(): Promise<void>;
}

/** Starts PostgreSQL with the programs in `bin`; null is the server of the test run. */
export async function startPlanServer(bin: string | null): Promise<PlanServer> {
  const shared = {
    PATCHBAY_TEST_PG_OWNER_URL: required('PATCHBAY_TEST_PG_OWNER_URL'),
    PATCHBAY_TEST_PG_ADMIN_URL: required('PATCHBAY_TEST_PG_ADMIN_URL'),
  };
  if (!bin) return { stop: () => Promise.resolve() };
  const bare = await startBarePostgres(bin);
  const admin = bare.url('postgres', bare.password, 'postgres');
  await withClient(admin, (client) => client.query("create role patchbay login createdb createrole password 'owner'"));
  process.env.PATCHBAY_TEST_PG_ADMIN_URL = admin;
  process.env.PATCHBAY_TEST_PG_OWNER_URL = bare.url('patchbay', 'owner', 'postgres');
  return {
    stop: async () => {
      Object.assign(process.env, shared);
      await bare.stop();
    },
  };
}

/** Fills an API's database as its superuser, then has every statement of new connections explained to `plansOf`. */
export async function explainAll(api: TestApi, fill: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const database = new URL(api.database.url).pathname.slice(1);
  const adminUrl = new URL(required('PATCHBAY_TEST_PG_ADMIN_URL'));
  adminUrl.pathname = `/${database}`;
  await withClient(adminUrl.href, async (client) => {
    await fill(client);
    for (const setting of [
      "session_preload_libraries = 'auto_explain'",
      'auto_explain.log_min_duration = 0',
      'auto_explain.log_analyze = on',
      'auto_explain.log_timing = off',
      'auto_explain.log_nested_statements = on',
      "auto_explain.log_format = 'json'",
      "auto_explain.log_level = 'notice'",
    ])
      await client.query(`alter database ${database} set ${setting}`);
    // Connections that are open do not explain.
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [database],
    );
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
