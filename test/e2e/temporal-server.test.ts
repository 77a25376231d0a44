import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { onPath } from '../../dev/parts/run-command.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { connectionWorkflowId } from '../../domain/workflow-ids.ts';
import { createLog } from '../../platform/log.ts';
import { openTemporalClient } from '../../temporal/client.ts';
import { startWorker } from '../../workers/start.ts';
import type { ApiClient } from '../support/client.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { testKeys } from '../support/key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { createCertificates, startProxy, startTlsProxy, type Certificates, type Proxy } from '../support/proxies.ts';

const connectAccount = async (api: ApiClient, scenario: string): Promise<string> => {
  const { status, body } = await api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'linkedin',
    owner: 'maya',
    credentials: { username: `${scenario}@${randomUUID()}.example`, password: 'correct horse' },
  });
  expect(status).toBe(202);
  return body.account.id;
};

const openssl = onPath('openssl', process.env);
(openssl ? describe : describe.skip)('a Temporal that wants a certificate of its own CA', () => {
  let certificates: Certificates;
  let proxy: Proxy;
  let stack: TestStack;
  const settings = (files: Certificates) => ({
    TEMPORAL_ADDRESS: proxy.address,
    TEMPORAL_TLS_CA: files.ca,
    TEMPORAL_TLS_CERT: files.client.cert,
    TEMPORAL_TLS_KEY: files.client.key,
    TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
  });
  beforeAll(async () => {
    certificates = createCertificates(openssl ?? '', 'temporal.example');
    proxy = await startTlsProxy(required('PATCHBAY_TEST_TEMPORAL_ADDRESS'), certificates);
    stack = await startTestStack(settings(certificates));
  });
  afterAll(async () => {
    await stack?.stop();
    proxy?.close();
    certificates?.remove();
  });

  it('is worked with by the API and the worker alike', async () => {
    await stack.api.account(await connectAccount(stack.api, 'plain'), 'active');
  });

  it('is not reached without the certificate, with that of another CA, or under another name', async () => {
    const strangers = createCertificates(openssl ?? '', 'temporal.example');
    const right = settings(certificates);
    const bare = { TEMPORAL_TLS_CERT: undefined, TEMPORAL_TLS_KEY: undefined };
    const reach = async (own: object): Promise<boolean> => {
      const client = openTemporalClient(
        { ...stack.config, ...own },
        async () => testKeys,
        async () => null,
      );
      try {
        return await client.ping();
      } finally {
        await client.close();
      }
    };
    expect(await reach(right)).toBe(true);
    expect(await reach({ ...right, ...bare })).toBe(false);
    expect(
      await reach({ ...right, TEMPORAL_TLS_CERT: strangers.client.cert, TEMPORAL_TLS_KEY: strangers.client.key }),
    ).toBe(false);
    expect(await reach({ ...right, TEMPORAL_TLS_CA: strangers.ca })).toBe(false);
    expect(await reach({ ...right, TEMPORAL_TLS_SERVER_NAME: 'other.example' })).toBe(false);
    strangers.remove();
  });
});

it('a worker that starts before Temporal waits for it, and works then', async () => {
  const stack = await startTestStack();
  await stack.worker.stop();
  const port = await reserveFreePort();
  const lines: string[] = [];
  const log = createLog('worker', 'warn');
  log.warn = ((...[, message]: string[]) => lines.push(message ?? '')) as typeof log.warn;
  const started = startWorker({ ...stack.config, TEMPORAL_ADDRESS: `127.0.0.1:${port.number}` }, { log });
  const account = await connectAccount(stack.api, 'plain');
  const waits = (): number => lines.filter((line) => /the worker waits for it/.test(line)).length;
  await eventually('the second try', async () => waits() >= 2);
  expect(await Promise.race([started.then(() => 'started'), pause(0, 'waiting')])).toBe('waiting');
  await port.handOver();
  const proxy = await startProxy(required('PATCHBAY_TEST_TEMPORAL_ADDRESS'), port.number);
  stack.worker = await started;
  await stack.api.account(account, 'active');
  await stack.stop();
  proxy.close();
});

it('with Worker Deployments a run ends on the version on which it began, and the next one begins on the current one', async () => {
  const deploymentName = `patchbay-${randomUUID()}`;
  const stack = await startTestStack({ WORKER_DEPLOYMENT_NAME: deploymentName, WORKER_BUILD_ID: 'one' });
  const temporal = await temporalClient();
  const { workflowService } = temporal.connection;
  const makeCurrent = (buildId: string) =>
    eventually(`version ${buildId}`, async () => {
      await workflowService.setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName, buildId });
      return true;
    });
  /** The newest run of an account, and the build that last worked at it. */
  const runOf = (accountId: string, runId?: string) =>
    eventually('a build', async () => {
      const found = await temporal.workflow.getHandle(connectionWorkflowId(accountId), runId).describe();
      const build = found.raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
      return build ? { id: found.runId, status: found.status.name, build } : null;
    });
  let two: TestStack['worker'] | undefined;
  try {
    await makeCurrent('one');
    const early = await connectAccount(stack.api, '2fa');
    const { step } = await stack.api.step(early, 'code');
    const begun = await runOf(early);
    expect(begun).toMatchObject({ status: 'RUNNING', build: 'one' });
    two = await stack.startWorker(undefined, { WORKER_BUILD_ID: 'two' });
    await makeCurrent('two');
    const late = await connectAccount(stack.api, 'plain');
    await stack.api.account(late, 'active');
    expect(await runOf(late)).toMatchObject({ build: 'two' });
    await stack.api.post(`/api/v1/accounts/${early}/attempt/steps/${step.id}`, { answer: '123456' });
    await stack.api.account(early, 'active');
    await temporal.workflow.getHandle(connectionWorkflowId(early), begun.id).result();
    expect(await runOf(early, begun.id)).toMatchObject({ status: 'COMPLETED', build: 'one' });
  } finally {
    await two?.stop();
    await stack.stop();
    await temporal.connection.close();
  }
});
