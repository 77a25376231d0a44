import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { sandboxSettings, setCallbacks } from '../../sandbox/client-settings.ts';
import { startSandbox, type Sandbox } from '../../sandbox/start.ts';
import { project, runRole, startRole, type RoleProcess } from '../deploy/role-process.ts';
import { startBalancer, type Balancer } from '../support/balancer.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { createControl, type Control } from '../support/control.ts';
import { createEmptyDatabase, required, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { makeMediaFolder } from '../support/media-folder.ts';
import { linkedin, upstreamOf } from '../support/unipile-account.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';
import { whileProgress } from './progress.ts';
import {
  differences,
  expectedConversations,
  foundConversations,
  type TrueConversation,
} from './shown-conversations.ts';

export interface UpgradeSize {
  /** Events of the account, and of them a second. */
  webhooks: number;
  rate: number;
  /** Logins that are under way at the same time, and at least so many in all. */
  atOnce: number;
  logins: number;
  /** How often each process is replaced. */
  rounds: number;
  /** A checkout of the version before, with its packages; this version where it is left out. */
  from?: string | undefined;
}

/** What runs, and in which folder its code is. */
interface Fleet {
  database: TestDatabase;
  balancer: Balancer;
  sandbox: Sandbox;
  settings: Record<string, string>;
  apis: { process: RoleProcess; url: string }[];
  workers: RoleProcess[];
}

const readyMs = 120_000;

/**
 * Replaces two API processes and two workers, one after the other, while webhooks come and logins are made, as
 * docs/guides/upgrade.md says: migrations first, then workers, then the API. The address of an API that has ended stays with the
 * proxy in front, as it does for some seconds in a deployment.
 */
export async function rollingUpgrade(size: UpgradeSize, report: (text: string) => void): Promise<Row[]> {
  const before = size.from ?? project;
  const [database, sandbox, balancer, media] = await Promise.all([
    createEmptyDatabase(),
    startSandbox(),
    startBalancer(),
    makeMediaFolder(),
  ]);
  const settings = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
    TEMPORAL_TASK_QUEUE: `upgrade-${randomUUID()}`,
    ENCRYPTION_KEY: testKey,
    PUBLIC_URL: balancer.url,
    ...sandboxSettings(sandbox),
    MEDIA_FOLDER: media,
    RATE_LIMIT_PER_MINUTE: '1000000',
    LOG_LEVEL: 'info',
    PATCHBAY_HOME: '/nonexistent',
  };
  const fleet: Fleet = { database, balancer, sandbox, settings, apis: [], workers: [] };
  const facts = await openFacts({
    database_url: database.readerUrl,
    temporal_address: settings.TEMPORAL_ADDRESS,
    temporal_namespace: 'default',
  });
  try {
    await migrateWith(before, fleet);
    await setCallbacks(sandbox.controlUrl, balancer.url);
    for (let n = 0; n < 2; n += 1) {
      fleet.workers.push(await startWorker(fleet, before));
      fleet.apis.push(await startApi(fleet, before));
    }
    return await play(fleet, facts, size, report);
  } finally {
    await facts.close();
    await Promise.all([...fleet.workers, ...fleet.apis.map(({ process }) => process)].map((one) => one.stop()));
    await balancer.close();
    await sandbox.close();
    await database.drop();
    await rm(media, { recursive: true, force: true });
  }
}

const node = process.execPath;

async function migrateWith(folder: string, { database, settings }: Fleet): Promise<void> {
  await runRole([node, 'cli/main.ts', 'migrate'], { ...settings, DATABASE_URL: database.ownerUrl }, folder);
}

async function startApi({ settings, balancer }: Fleet, folder: string): Promise<Fleet['apis'][number]> {
  const port = await reserveFreePort();
  await port.handOver();
  const process = startRole([node, 'api/main.ts'], { ...settings, PORT: String(port.number) }, folder);
  await process.prints('api ready', readyMs);
  const url = `http://127.0.0.1:${port.number}`;
  balancer.targets.add(url);
  return { process, url };
}

async function startWorker({ settings }: Fleet, folder: string): Promise<RoleProcess> {
  const worker = startRole([node, 'workers/main.ts'], settings, folder);
  await worker.prints('worker ready', readyMs);
  return worker;
}

/** Starts a new process beside each old one, then ends that; answers the exit codes. */
async function replaceAll(fleet: Fleet): Promise<(number | null)[]> {
  const codes: (number | null)[] = [];
  for (const n of fleet.workers.keys()) {
    const next = await startWorker(fleet, project);
    const old = fleet.workers.splice(n, 1, next)[0];
    codes.push((await old?.stop()) ?? null);
  }
  for (const n of fleet.apis.keys()) {
    const next = await startApi(fleet, project);
    const old = fleet.apis.splice(n, 1, next)[0];
    codes.push((await old?.process.stop()) ?? null);
    // One that ended is asked until the next one has ended: then the proxy has forgotten it.
    for (const url of [...fleet.balancer.targets].slice(0, -fleet.apis.length - 1)) fleet.balancer.targets.delete(url);
  }
  return codes;
}

async function play(
  fleet: Fleet,
  facts: Facts,
  { webhooks, rate, atOnce, logins, rounds, from }: UpgradeSize,
  report: (text: string) => void,
): Promise<Row[]> {
  const { balancer, sandbox, settings } = fleet;
  const made = await runRole(
    [node, 'cli/main.ts', 'keys', 'create', '--tenant', 'upgraded', '--scope', 'all', '--json'],
    settings,
    from ?? project,
  );
  const api = createClient(balancer.url, (JSON.parse(made) as { api_key: string }).api_key);
  const control = createControl(sandbox.controlUrl);
  const { id, upstream } = await connectWhatsapp(api, control);
  const ref = { account_id: upstream };
  await control.post('/writer', { ...ref, seed: 'upgrade', count: webhooks, rate, conversations: 20, groups: 2 });

  const began = Date.now();
  let isOver = false;
  const accounts: string[] = [];
  let next = 0;
  const owner = async (): Promise<void> => {
    while (!isOver || next < logins) accounts.push(await logIn(api, (next += 1)));
  };
  const owners = Array.from({ length: atOnce }, owner);
  const codes: (number | null)[] = [];
  await migrateWith(project, fleet);
  for (let round = 0; round < rounds; round += 1) codes.push(...(await replaceAll(fleet)));
  isOver = true;
  await Promise.all(owners);
  const written = await whileProgress('what is delivered', async () => {
    const { state, written: events, webhooks: shown } = await writer(control, upstream);
    return {
      done: state === 'done' ? await writer(control, upstream, '&events=true') : null,
      progress: { events, shown },
    };
  });
  const owed = (): Promise<number> => facts.count(`webhook_events where state = 'received'`);
  await eventually('what is owed', async () => (await owed()) === 0, readyMs);
  const tries: string[] = written.events
    .flatMap((one: any) => one.webhooks.flatMap((webhook: any) => webhook.tries))
    .map(String);
  report(
    `upgrade: ${codes.length} processes replaced in ${Math.round((Date.now() - began) / 1_000)} s, ${accounts.length} logins, ` +
      `${tries.length} tries of webhooks, ${tries.filter((one) => !one.startsWith('2')).length} of them again, ${balancer.cut()} requests cut`,
  );
  return assess(facts, id, accounts, written, codes);
}

const writer = (control: Control, upstream: string, more = ''): Promise<any> =>
  control.get(`/writer?account_id=${upstream}${more}`);

async function connectWhatsapp(api: ApiClient, control: Control): Promise<{ id: string; upstream: string }> {
  const begun = await api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'kim' });
  const { id } = begun.body.account;
  const upstream = await eventually('the login to begin', () => upstreamOf(api, id));
  // Nothing but what the writer writes.
  await control.put('/address-book', { account_id: upstream, size: 0, seed: 'nobody' });
  await control.post('/scan', { account_id: upstream, phone: '33639985555' });
  await api.account(id, 'active');
  await eventually(
    'the first history',
    async () => {
      const { items } = (await api.get(`/api/v1/accounts/${id}/syncs`)).body;
      return items.some((run: any) => run.kind === 'conversations' && run.state === 'succeeded');
    },
    patienceMs,
  );
  return { id, upstream };
}

/** How long a caller repeats a request, in milliseconds. */
const patienceMs = 60_000;

/** As a careful caller: each request under an Idempotency-Key, sent again where the answer is a failure or none. */
async function logIn(api: ApiClient, n: number): Promise<string> {
  const post = (path: string, body: object, key: string): Promise<any> =>
    eventually(
      path,
      async () => {
        const answer = await api.post(path, body, { 'idempotency-key': key }).catch(() => null);
        return answer && answer.status < 500 && answer.body.code !== 'request_in_progress' ? answer : null;
      },
      patienceMs,
    );
  const begun = await post('/api/v1/accounts', linkedin('2fa', `upgrade${n}`), `begin-${n}`);
  if (begun.status !== 202) throw new Error(JSON.stringify(begun.body));
  const { id } = begun.body.account;
  const { step } = await api.step(id, 'code');
  await post(`/api/v1/accounts/${id}/attempt/steps/${step.id}`, { answer: '123456' }, `answer-${n}`);
  await api.account(id, 'active');
  return id;
}

async function assess(
  facts: Facts,
  id: string,
  accounts: readonly string[],
  { webhooks, conversations }: any,
  codes: readonly (number | null)[],
): Promise<Row[]> {
  const truth = expectedConversations(conversations as TrueConversation[], 1);
  const wrong = differences(truth, await foundConversations(facts, id));
  const messages = truth.flatMap((one) => one.messages).length;
  const attempts = await facts.rows(`select state, count(*)::int as n from connection_attempts group by 1 order by 1`);
  const other = codes.filter((code) => code !== 0);
  return [
    equal('upgrade: processes that ended with 0', codes.length, codes.length - other.length),
    equal('upgrade: webhooks acknowledged', webhooks.all, webhooks.acknowledged),
    {
      what: 'upgrade: true final state of conversations',
      expected: `${messages} messages`,
      found: wrong.length ? wrong.slice(0, 5).join('; ') : `${messages} messages`,
      ok: wrong.length === 0,
    },
    equal('upgrade: events that could not be applied', 0, await facts.count(`webhook_events where state = 'failed'`)),
    equal(
      'upgrade: attempts that succeeded, and others',
      `${accounts.length + 1}, 0`,
      `${attempts.find(({ state }) => state === 'succeeded')?.n ?? 0}, ${attempts.filter(({ state }) => state !== 'succeeded').reduce((sum, { n }) => sum + n, 0)}`,
    ),
    equal('upgrade: active accounts', accounts.length + 1, await facts.count(`accounts where state = 'active'`)),
  ];
}

const equal = (what: string, expected: string | number, found: string | number): Row => ({
  what,
  expected: String(expected),
  found: String(found),
  ok: String(expected) === String(found),
});
