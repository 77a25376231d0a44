import { Client } from '@temporalio/client';
import pg from 'pg';
import type { StackFile } from '../../dev/parts/stack-file.ts';
import { connect } from '../../temporal/connect.ts';

type Row = Record<string, any>;

/** Reads PostgreSQL and Temporal, as an operator may. */
export interface Facts {
  /** Rows of a query; repeats it while PostgreSQL is down. */
  rows(sql: string): Promise<Row[]>;
  count(sql: string): Promise<number>;
  /** The number of workflow executions by status. */
  workflows(): Promise<Record<string, number>>;
  /** Runs of a workflow that are under way. */
  running(workflowType: string): Promise<number>;
  close(): Promise<void>;
}

/** How long PostgreSQL may be down, in milliseconds. */
const patienceMs = 60_000;

type Addresses = Pick<StackFile, 'database_url' | 'temporal_address' | 'temporal_namespace'>;

export async function openFacts(stack: Addresses): Promise<Facts> {
  const connection = await connect({ address: stack.temporal_address });
  const client = new Client({ connection, namespace: stack.temporal_namespace });
  const rows = async (sql: string): Promise<Row[]> => {
    for (const end = Date.now() + patienceMs; ;) {
      const database = new pg.Client({ connectionString: stack.database_url, connectionTimeoutMillis: 2_000 });
      database.on('error', () => undefined);
      try {
        await database.connect();
        return (await database.query(sql)).rows;
      } catch (error) {
        if (Date.now() > end || (error as { code?: string }).code?.startsWith('42')) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      } finally {
        await database.end().catch(() => undefined);
      }
    }
  };
  return {
    rows,
    count: async (sql) => Number((await rows(`select count(*)::int as n from ${sql}`))[0]?.n),
    workflows: async () => {
      const counts: Record<string, number> = {};
      for await (const { status } of client.workflow.list()) counts[status.name] = (counts[status.name] ?? 0) + 1;
      return counts;
    },
    running: async (workflowType) =>
      (await client.workflow.count(`WorkflowType = '${workflowType}' and ExecutionStatus = 'Running'`)).count,
    close: () => connection.close(),
  };
}
