import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import axios from 'axios';
import { fileURLToPath } from 'node:url';
import type { Activities } from '../../activities/activities.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { createDataConverter, decodePayload } from '../../temporal/codec.ts';
import { createLog } from '../../platform/log.ts';
import { activityInterceptors } from '../../workers/interceptors.ts';
import { installRuntime } from '../../workers/runtime.ts';
import { required } from '../support/database.ts';
import { testKeys } from '../support/key.ts';
import { findAll, type Place } from './search.ts';
import { connect } from '../../temporal/connect.ts';

/**
 * SECURITY 8 on a real server: an activity throws errors with a secret in every part; none of it may be readable in the
 * history. Our interceptor and converter are tested; the activities only throw.
 */
const secret = { name: 'secret', value: 'cn-"9f8e7d6c5b4a3f2e1d" /secret' };

let connection: NativeConnection;
let client: Client;
let workflowBundle: WorkflowBundle;
beforeAll(async () => {
  installRuntime(createLog('test', 'silent'));
  const address = required('PATCHBAY_TEST_TEMPORAL_ADDRESS');
  connection = await NativeConnection.connect({ address });
  client = new Client({ connection: await connect({ address }) });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    failureConverterPath: fileURLToPath(new URL('../../temporal/failure-converter.cjs', import.meta.url)),
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} },
  });
}, 60_000);
afterAll(async () => {
  await client?.connection.close();
  await connection?.close();
});

/** Each with the secret in all of its parts. */
const thrown: Record<string, () => unknown> = {
  'an error with the secret in message, stack and cause': () => {
    const error = new Error(secret.value, { cause: new Error(secret.value) });
    error.stack = `Error: ${secret.value}\n    at login (${secret.value}.ts:1:1)`;
    return error;
  },
  "a database driver's error": () =>
    Object.assign(new Error(`duplicate key (${secret.value})`), {
      name: 'UniqueConstraintViolationException',
      code: '23505',
      detail: `Key (identity)=(${secret.value}) already exists.`,
      query: `insert into accounts values ('${secret.value}')`,
      parameters: [secret.value],
    }),
  'an aggregate of errors': () => new AggregateError([new Error(secret.value)], secret.value),
  'a text': () => secret.value,
  'an object': () => ({ password: secret.value }),
  "a provider's failure whose words repeat it": () => new ProviderFailure('wrong_credentials', secret.value),
  "a failure of Temporal's own with details": () =>
    ApplicationFailure.nonRetryable(secret.value, 'unexpected', { password: secret.value }),
};

/** Runs the connection workflow with an activity that throws, then succeeds; returns the stored bytes. */
async function historyWhen(
  failing: keyof Activities,
  fail: () => Promise<never>,
  protectedBy = true,
): Promise<Place[]> {
  const taskQueue = `failures-${randomUUID()}`;
  const id = randomUUID();
  let tries = 0;
  const once = (result: unknown) => async (): Promise<any> => {
    tries += 1;
    return tries === 1 ? fail() : result;
  };
  const closed = { attempt: 1, state: 'closed', stepId: null, kind: null, wakeAt: null, wakeInMs: null, reason: null };
  let operations = 1;
  const operation = () =>
    operations-- > 0 ? { kind: 'connect', attempt: 1, expiresInMs: 60_000 } : { kind: 'none', attempt: 1 };
  const done = { ...closed, accountState: 'active' };
  const activities: Partial<Record<keyof Activities, () => Promise<unknown>>> = {
    nextOperation: () => Promise.resolve(operation()),
    beginLogin: () => Promise.resolve(done),
    closeAttempt: () => Promise.resolve(done),
  };
  activities[failing] = once(failing === 'nextOperation' ? { kind: 'none', attempt: 1, owes: 'nothing' } : done);
  activities.checkAccount ??= () => Promise.resolve(done);
  const converter = protectedBy ? { dataConverter: createDataConverter(async () => testKeys) } : {};
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle,
    activities,
    ...converter,
    ...(protectedBy ? { interceptors: { activity: [activityInterceptors(createLog('test', 'silent'))] } } : {}),
  });
  return worker.runUntil(async () => {
    const own = new Client({ connection: client.connection, ...converter });
    const handle = await own.workflow.start('connection', {
      taskQueue,
      workflowId: `connection/${id}`,
      args: [{ tenantId: randomUUID(), accountId: id }],
    });
    await handle.result().catch(() => undefined);
    const history = await handle.fetchHistory();
    const failed = history.events?.filter(
      (event) =>
        event.activityTaskFailedEventAttributes?.failure ?? event.activityTaskStartedEventAttributes?.lastFailure,
    );
    expect(failed?.length).toBeGreaterThan(0);
    return [{ name: 'history', bytes: Buffer.from(proto.temporal.api.history.v1.History.encode(history).finish()) }];
  });
}

it('is found in a history without our interceptor and converter: the search works', async () => {
  const error = ApplicationFailure.nonRetryable(secret.value, 'wrong_credentials');
  expect(findAll(await historyWhen('beginLogin', () => Promise.reject(error), false), [secret])).toHaveLength(1);
});

describe('SECURITY 8: the history holds no secret, message and stack included, when an activity throws', () => {
  it.each(Object.entries(thrown))('%s', async (_what, make) => {
    // oxlint-disable-next-line only-throw-error -- what is thrown need not be an error
    const places = await historyWhen('beginLogin', () => Promise.reject(make()));
    expect(findAll(places, [secret])).toEqual([]);
  });

  it("an HTTP client's error that carries its request", async () => {
    const ask = async (): Promise<never> => {
      await axios.post(`http://127.0.0.1:1/${encodeURIComponent(secret.value)}`, { password: secret.value });
      throw new Error('it was not refused');
    };
    expect(findAll(await historyWhen('beginLogin', ask), [secret])).toEqual([]);
  });

  it.each(['nextOperation', 'beginLogin'] as const)('is hidden in every activity: %s', async (activity) => {
    const fail = () => Promise.reject(new Error(secret.value));
    expect(findAll(await historyWhen(activity, fail), [secret])).toEqual([]);
  });

  it('is hidden even from holders of the key, unless a provider is quoted', async () => {
    const places = await historyWhen('beginLogin', () => Promise.reject(new Error(secret.value)));
    const history = proto.temporal.api.history.v1.History.decode(places[0]!.bytes);
    const opened = (history.events ?? []).map((event) => {
      const failure =
        event.activityTaskFailedEventAttributes?.failure ?? event.activityTaskStartedEventAttributes?.lastFailure;
      const payload = failure?.encodedAttributes;
      return payload ? Buffer.from(decodePayload(testKeys, payload).data ?? []).toString() : '';
    });
    expect(opened.join('')).toContain("see the worker's log");
    expect(findAll([{ name: 'opened', bytes: Buffer.from(opened.join('')) }], [secret])).toEqual([]);
  });
});
