import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, type WorkflowExecutionInfo } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import pg from 'pg';
import { decodePayload } from '../../temporal/codec.ts';
import { sealed } from '../../db/sealed.ts';
import { createKeyset, type Keyset } from '../../platform/keyset.ts';
import { createMasterKeys, parseKeyRing } from '../../platform/master-keys.ts';
import type { Place } from './search.ts';

type Payload = temporal.api.common.v1.IPayload;

/** Every log file of a stack's processes. */
export const logsOf = (home: string): Place[] =>
  readdirSync(join(home, 'logs')).map((file) => ({
    name: `log ${file}`,
    bytes: readFileSync(join(home, 'logs', file)),
  }));

/** What the metrics ports answer. */
export const metricsOf = (ports: Record<string, number>): Promise<Place[]> =>
  Promise.all(
    Object.entries(ports).map(async ([name, port]) => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      return { name: `metrics of the ${name}`, bytes: Buffer.from(await answer.text()) };
    }),
  );

/** With its write-ahead log, as on the disk. */
export const temporalFilesOf = (home: string): Place[] =>
  ['temporal.db', 'temporal.db-wal']
    .filter((file) => existsSync(join(home, file)))
    .map((file) => ({ name: file, bytes: readFileSync(join(home, file)) }));

/** One column of one table, all rows. */
export interface Column extends Place {
  column: string;
}

/** Every column of every table, as text. `url` is a login that sees every row. */
export async function columnsOf(url: string): Promise<Column[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ table_name: string; column_name: string }>(
      "select table_name, column_name from information_schema.columns where table_schema = 'public'",
    );
    const columns: Column[] = [];
    for (const { table_name: table, column_name: column } of rows) {
      const name = `${table}.${column}`;
      const quoted = [column, table].map((one) => client.escapeIdentifier(one));
      const found = await client.query<{ text: string | null }>(`select ${quoted[0]}::text as text from ${quoted[1]}`);
      const text = found.rows.map((row) => row.text ?? '').join('\n');
      columns.push({ name: `column ${name}`, column: name, bytes: Buffer.from(text) });
    }
    return columns;
  } finally {
    await client.end();
  }
}

/** The installation's data keys, by a login that sees every row. */
export async function installationKeys(url: string, encryptionKey: string): Promise<Keyset> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; wrapped: string }>(
      'select id, wrapped from data_keys where tenant_id is null order by version desc',
    );
    const masterKeys = createMasterKeys(parseKeyRing(encryptionKey));
    const keys = rows.map(({ id, wrapped }) => ({ id, key: masterKeys.unwrap(wrapped, sealed.dataKey(id, null)) }));
    return createKeyset(keys, keys[0]!);
  } finally {
    await client.end();
  }
}

/** Sealed, and opened with our key. */
export interface StoredRun {
  info: WorkflowExecutionInfo;
  /** The bytes of its history and of its entry in lists, without our key. */
  raw: Place;
  /** Every payload of its history (summaries and failures too), opened. */
  opened: Place;
}

/** Read without our key, and then opened with `keys`. */
export async function runsOf(address: string, keys: Keyset): Promise<StoredRun[]> {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection });
    const runs: StoredRun[] = [];
    for await (const info of client.workflow.list()) {
      const execution = { workflowId: info.workflowId, runId: info.runId };
      const history = await client.workflow.getHandle(info.workflowId, info.runId).fetchHistory();
      const described = await connection.workflowService.describeWorkflowExecution({ namespace: 'default', execution });
      const raw = Buffer.concat([
        proto.temporal.api.history.v1.History.encode(history).finish(),
        proto.temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse.encode(described).finish(),
      ]);
      const opened = payloadsIn([history, described]).map(
        (payload) => decodePayload(keys, payload).data ?? new Uint8Array(),
      );
      const name = `${info.type} ${info.workflowId} ${info.runId}`;
      runs.push({
        info,
        raw: { name: `history of ${name}`, bytes: raw },
        opened: { name: `opened history of ${name}`, bytes: Buffer.concat(opened.flatMap((one) => [one, newline])) },
      });
    }
    return runs;
  } finally {
    await connection.close();
  }
}

const newline = Buffer.from('\n');

/** At any depth: new fields of Temporal's messages are searched too. */
function payloadsIn(value: unknown): Payload[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return [];
  const { metadata, data } = value as Payload;
  const isPayload = metadata?.['encoding'] instanceof Uint8Array;
  return isPayload ? [{ metadata, data }] : Object.values(value).flatMap(payloadsIn);
}
