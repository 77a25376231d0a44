import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import pg from 'pg';
import { makeTemporaryHome } from '../../dev/parts/home.ts';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { databaseUrlOf } from '../../dev/parts/postgres-roles.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import { channelNames } from '../../domain/channels.ts';
import { providers } from '../../providers/providers.ts';
import { createBrowser } from '../../dev/parts/browser.ts';
import { createControl, type Control } from '../support/control.ts';
import { eventually } from '../support/eventually.ts';
import { agree } from '../support/meta.ts';
import { misbehaviours, startFaultyProvider, type FaultyProvider } from './faulty-provider.ts';
import { createCanaries, createRecorder, onboardings, answerSteps, type Recorder } from './onboardings.ts';
import {
  columnsOf,
  installationKeys,
  logsOf,
  metricsOf,
  runsOf,
  temporalFilesOf,
  type Column,
  type StoredRun,
} from './places.ts';
import { findAll, type Canary, type Place } from './search.ts';
import { connect } from '../../temporal/connect.ts';

/**
 * The stack as a user runs it: its processes have log files, metrics ports and Temporal's own file to search. A
 * provider between it and the sandbox answers with what it was sent.
 */
const canaries = createCanaries();
let home: string;
let stack: Stack;
let control: Control;
let faulty: FaultyProvider;
let recorder: Recorder;
let ports: Record<string, number>;
/** Secrets that were made on the way. */
const made: Canary[] = [];
/** Read once. */
let logs: Place[];
let metrics: Place[];
let temporal: Place[];
let columns: Column[];
let runs: StoredRun[];
/** At the end, in any case. */
const onTestEnd: (() => void)[] = [];
const outcomes: Record<string, { state: string; reason: string | null }> = {};
const planted: Canary = { name: 'planted', value: 'planted-where-it-can-be-seen "é"' };

const secrets = (): Canary[] => [...Object.values(canaries.secrets), ...made];
const all = (): Canary[] => [...secrets(), ...Object.values(canaries.personal)];

beforeAll(async () => {
  home = makeTemporaryHome('canaries');
  const { DATABASE_URL: _url, TEMPORAL_ADDRESS: _address, ...env } = process.env;
  const free = await Promise.all([reserveFreePort(), reserveFreePort()]);
  ports = { api: free[0].number, worker: free[1].number };
  await Promise.all(free.map((port) => port.release()));
  stack = await startStack(
    {
      ...env,
      PATCHBAY_HOME: home,
      PATCHBAY_API_METRICS_PORT: String(ports.api),
      PATCHBAY_WORKER_METRICS_PORT: String(ports.worker),
      LOG_LEVEL: 'trace',
      RECONCILE_INTERVAL_SECONDS: '2',
    },
    () => undefined,
    new AbortController().signal,
  );
  const { api_url: url, api_key: key, sandbox } = stack.describe();
  control = createControl(sandbox?.control_url ?? '');
  const { providerToken, rightCode, captcha } = canaries.secrets;
  faulty = await startFaultyProvider({
    upstream: sandbox?.unipile_url ?? '',
    key: { given: providerToken.value, real: 'sandbox-key' },
    rightCodes: [rightCode.value, captcha.value],
    displayName: canaries.personal.displayName.value,
  });
  recorder = createRecorder(url, key);
  made.push({ name: 'API key', value: key });
  await play();
  await gather();
}, 420_000);
afterAll(async () => {
  for (const cleanUp of onTestEnd) cleanUp();
  await stack?.stop();
  await faulty?.close();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

/** Faults during logins, reconnects and disconnects. */
async function play(): Promise<void> {
  const { call } = recorder;
  const settings = { dsn: faulty.url, access_token: canaries.secrets.providerToken.value };
  expect((await call('PUT', '/api/v1/providers/unipile', settings)).status).toBe(200);
  await refusals();

  const logins = onboardings(canaries);
  const begin = async (name: string): Promise<string> => {
    const chosen = logins[name];
    const { body } = await call('POST', '/api/v1/accounts', chosen?.body, { 'idempotency-key': `canary-${name}` });
    if (body.attempt?.step?.text) made.push({ name: `QR text of ${name}`, value: body.attempt.step.text });
    return body.account.id;
  };
  const finish = async (name: string, id: string) => {
    outcomes[name] = await answerSteps(recorder, control, id, canaries, logins[name]?.codes);
  };

  // A login whose answer was lost keeps its identity busy for minutes, and attempts last a quarter of an hour.
  const hurry = setInterval(() => void control.post('/clock', { advance_seconds: 150 }).catch(() => null), 15_000);
  onTestEnd.push(() => clearInterval(hurry));
  // The first login has no faults, so that webhooks get registered.
  const first = await begin('qr');
  await finish('qr', first);
  made.push(...faulty.registered.headers.map((value) => ({ name: 'webhook secret', value })));
  await failInDatabase(first, async () => finish('approve', await begin('approve')));
  await misbehave(true);
  const rest = Object.keys(logins).filter((name) => name !== 'qr' && name !== 'approve');
  const ids = await Promise.all(
    rest.map(async (name) => {
      const id = await begin(name);
      await finish(name, id);
      return id;
    }),
  );

  // A message arrives; the account drops, is reconnected with another password, and is deleted.
  const { provider_account_id: upstream } = (await call('GET', `/api/v1/accounts/${first}`)).body;
  const { sender, messageText } = canaries.personal;
  const message = { account_id: upstream, from: '+33639980042', name: sender.value, text: messageText.value };
  await control.post('/messages', message);
  await control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  await call('POST', `/api/v1/accounts/${first}/reconnect`, { force: true });
  outcomes['reconnect'] = await answerSteps(recorder, control, first, canaries);
  const linkedin = ids[rest.indexOf('2fa')] ?? '';
  const credentials = {
    username: `plain+${canaries.personal.username.value}@canary.example`,
    password: canaries.secrets.otherPassword.value,
  };
  await call('POST', `/api/v1/accounts/${linkedin}/reconnect`, { credentials, force: true });
  outcomes['reconnect with another password'] = await answerSteps(recorder, control, linkedin, canaries);
  await call('DELETE', `/api/v1/accounts/${linkedin}`);
  outcomes['disconnect'] = await answerSteps(recorder, control, linkedin, canaries);
  await call('POST', `/api/v1/accounts/${first}/syncs`, { kind: 'details' });
  await playMeta();
  clearInterval(hurry);
  await misbehave(false);
  const { body: key } = await call('POST', '/api/v1/api-keys', { name: 'another', scopes: ['read'] });
  made.push({ name: 'second API key', value: key.api_key });
}

/** Logins with tokens and codes that Meta refuses, and one through its dialog; a message arrives. */
async function playMeta(): Promise<void> {
  const { call } = recorder;
  const { metaToken, oauthCode } = canaries.secrets;
  const common = { provider: 'meta', owner: canaries.personal.owner.value };
  const ids = { business_account_id: '301000000000001', phone_number_id: '201000000000001' };
  for (const [channel, more] of [
    ['messenger', {}],
    ['whatsapp', ids],
  ] as const) {
    const credentials = { access_token: metaToken.value, ...more };
    const { body } = await call('POST', '/api/v1/accounts', { ...common, channel, method: 'token', credentials });
    outcomes[`a wrong token of ${channel}`] = await answerSteps(recorder, control, body.account.id, canaries);
  }
  const credentials = { choose: 'first' };
  const { body } = await call('POST', '/api/v1/accounts', { ...common, channel: 'instagram', credentials });
  const { id } = body.account;
  const browser = createBrowser();
  const account = await eventually(
    'the login at Meta',
    async () => {
      const { body: now } = await call('GET', `/api/v1/accounts/${id}`);
      if (now.state === 'active') return now;
      const { body: attempt } = await call('GET', `/api/v1/accounts/${id}/attempt`);
      if (attempt.step?.kind !== 'redirect') return null;
      const back = new URL(await agree(browser, attempt.step.url, 'plain@canary.example'));
      made.push({ name: 'code of Meta', value: back.searchParams.get('code') ?? '' });
      made.push({ name: 'login address', value: back.searchParams.get('state') ?? '' });
      // The first code does not count.
      if (attempt.step.attempts_left === 5) back.searchParams.set('code', oauthCode.value);
      await browser.open(back.href);
      return null;
    },
    60_000,
  );
  made.push({ name: 'token of Meta', value: 'EAAsandbox' }, { name: 'app secret', value: 'sandbox-app-secret' });
  const { sender, messageText } = canaries.personal;
  const message = { account_id: account.provider_account_id, from: '5550001', name: sender.value };
  await control.post('/messages', { ...message, text: messageText.value });
}

/** Refused requests with content that a careless answer would repeat. */
async function refusals(): Promise<void> {
  const { call } = recorder;
  const { password, providerToken, wrongCode } = canaries.secrets;
  const unreadable = `{"provider":"unipile","credentials":{"password":"${providerToken.value}"`;
  await call('POST', '/api/v1/accounts', unreadable);
  const shapes = [{ password: password.value }, { username: [password.value], password: 5 }, password.value];
  for (const credentials of shapes)
    await call('POST', '/api/v1/accounts', { provider: 'unipile', channel: 'linkedin', owner: 'o', credentials });
  await call('POST', '/api/v1/accounts', { provider: password.value, channel: password.value, owner: 7 });
  await call('PUT', '/api/v1/providers/unipile', { dsn: `http://${providerToken.value}@host`, access_token: '' });
  await call('GET', `/api/v1/accounts/${encodeURIComponent(password.value)}`);
  await call('GET', `/api/v1/accounts?owner=o&limit=${encodeURIComponent(password.value)}`);
  await call('GET', '/api/v1/accounts', undefined, { authorization: `Bearer pb_${providerToken.value}` });
  await call('POST', '/webhooks/unipile/nowhere', { text: password.value });
  const secret = { 'patchbay-webhook-secret': wrongCode.value.replaceAll(/[^\w-]/g, '') };
  await call('POST', '/api/v1/webhooks/unipile', { event: password.value }, secret);
}

/** The faults of the sandbox, and of the provider between. */
async function misbehave(on: boolean): Promise<void> {
  faulty.every = on ? 5 : 0;
  const provider = 'unipile';
  if (!on) {
    for (const each of [provider, 'meta']) await control.put('/faults', { provider: each });
    return;
  }
  const shares = { rate_500: 0.05, after_effect: 0.05 };
  const webhooks = { webhook_drop: 0.1, webhook_duplicate: 0.3, webhook_reorder: 0.3 };
  await control.put('/faults', { provider, rate_429: 0.05, ...shares, ...webhooks });
  // Meta states the end of its limits in minutes: one refusal by a limit would outlast this test.
  await control.put('/faults', { provider: 'meta', ...shares, ...webhooks });
  await control.put('/faults', { provider, route: 'GET /api/v1/accounts/:id', timeout: true, times: 1 });
}

/** PostgreSQL refuses to activate an account, with an error that quotes the whole row, until the log has it. */
async function failInDatabase(spared: string, during: () => Promise<void>): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrlOf(home, stack.describe().database_url, 'owner') });
  await owner.connect();
  try {
    const check = `check (state <> 'active' or id = ${owner.escapeLiteral(spared)}) not valid`;
    await owner.query(`alter table accounts add constraint canary_accounts ${check}`);
    const work = during();
    const worker = join(home, 'logs', 'worker.log');
    await eventually('the refusal', async () => readFileSync(worker, 'utf8').includes('canary_accounts'), 90_000);
    await owner.query('alter table accounts drop constraint canary_accounts');
    await owner.query(`select ${owner.escapeLiteral(planted.value)}::int`).catch(() => undefined);
    await work;
  } finally {
    await owner.end();
  }
}

/** Scheduled runs, and a readable run of another client without our key. */
async function runTheRest(): Promise<void> {
  const connection = await connect({ address: stack.describe().temporal_address });
  const client = new Client({ connection });
  for await (const { scheduleId } of client.schedule.list()) await client.schedule.getHandle(scheduleId).trigger();
  await client.workflow.start('planted', { taskQueue: 'nobody', workflowId: 'planted', args: [planted.value] });
  await connection.close();
}

async function gather(): Promise<void> {
  await runTheRest();
  const { temporal_address: address, database_url: database } = stack.describe();
  const keys = await installationKeys(database, readFileSync(join(home, 'encryption-key'), 'utf8').trim());
  // Visibility is updated a moment later.
  runs = await eventually('the planted run and the sweeps in the list', async () => {
    const found = await runsOf(address, keys);
    const types = new Set(found.map(({ info }) => info.type));
    return ['planted', ...sweeps].every((type) => types.has(type)) ? found : null;
  });
  [metrics, columns] = await Promise.all([metricsOf(ports), columnsOf(database)]);
  logs = logsOf(home);
  temporal = temporalFilesOf(home);
  made.push({ name: 'encryption key', value: readFileSync(join(home, 'encryption-key'), 'utf8').trim() });
  for (const login of ['superuser', 'patchbay', 'patchbay_runtime', 'patchbay_reader'])
    made.push({ name: `password of ${login}`, value: readFileSync(join(home, `postgres-${login}`), 'utf8').trim() });
}

/** Runs without an account. */
const sweeps = [
  'aggregateAnalytics',
  'fetchMedia',
  'fetchPictures',
  'maintenance',
  'refreshTokens',
  'remindOwners',
  'syncAllContacts',
  'syncPlatforms',
];
const isSweep = ({ info }: StoredRun): boolean => sweeps.includes(info.type);
const ours = (): StoredRun[] => runs.filter(({ info }) => info.workflowId !== planted.name);
const ofAccounts = (): StoredRun[] => ours().filter((run) => !isSweep(run));

describe('the search', () => {
  it('ran while everything failed at times, and logins succeeded all the same', async () => {
    expect(misbehaviours.filter((way) => faulty.counts[way] === 0)).toEqual([]);
    expect(outcomes).toMatchObject({ qr: { state: 'succeeded' }, refused: { state: 'failed' } });
    // On a slow machine the hurried clock may pass its deadline first.
    expect(['wrong_credentials', 'checkpoint_expired']).toContain(outcomes.refused?.reason);
    expect(Object.values(outcomes).filter(({ state }) => state === 'succeeded').length).toBeGreaterThanOrEqual(6);
    for (const { state, reason } of Object.values(outcomes)) if (state !== 'succeeded') expect(reason).toBeTruthy();
  });

  it('finds planted values in each place', () => {
    const has = (places: Place[], value: string) => findAll(places, [{ name: 'it', value }]).length;
    expect(logs.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['api', 'worker', 'sandbox', 'postgres', 'temporal'].map((part) => `log ${part}.log`)),
    );
    const log = (part: string) => logs.filter(({ name }) => name === `log ${part}.log`);
    expect(has(log('postgres'), planted.value)).toBe(1);
    expect(has(log('api'), '/api/v1/accounts/{id}/attempt')).toBe(1);
    expect(has(log('worker'), 'canary_accounts')).toBe(1);
    expect(metrics.map((place) => has([place], 'patchbay_'))).toEqual([1, 1]);
    expect(has(temporal, planted.value)).toBeGreaterThan(0);
    expect(
      has(
        runs.map(({ raw }) => raw),
        planted.value,
      ),
    ).toBe(1);
    const [run] = ofAccounts();
    const account = run?.info.workflowId.split('/').at(-1) ?? '';
    expect(has([run!.opened], account)).toBe(1);
    expect(has([text('problems', recorder.problems)], 'contract-emea')).toBeLessThanOrEqual(1);
    expect(has([text('problems', recorder.problems)], 'urn:patchbay:problem:')).toBe(1);
    expect(findAll(columns, [canaries.personal.owner])).not.toEqual([]);
  });
});

const text = (name: string, lines: string[]): Place => ({ name, bytes: Buffer.from(lines.join('\n')) });

describe('SECURITY 14: with all faults on, no secret and nothing personal is', () => {
  it('in a log line of any process', () => expect(findAll(logs, all())).toEqual([]));
  it('in the metrics', () => expect(findAll(metrics, all())).toEqual([]));
  it('in a problem', () => expect(findAll([text('problems', recorder.problems)], all())).toEqual([]));

  it('in an answer, except values that its caller asked for', () => {
    const shown = new Set(made.filter(({ name }) => /^QR text|API key|^login address/.test(name)));
    expect(
      findAll(
        [text('answers', recorder.successes)],
        secrets().filter((one) => !shown.has(one)),
      ),
    ).toEqual([]);
  });

  it("in Temporal's file", () => expect(findAll(temporal, all())).toEqual([]));
  it('in the bytes of a history, its failures, summaries and attributes', () =>
    expect(
      findAll(
        ours().map(({ raw }) => raw),
        all(),
      ),
    ).toEqual([]));
  it('in a history that was opened with the key', () =>
    expect(
      findAll(
        ours().map(({ opened }) => opened),
        all(),
      ),
    ).toEqual([]));

  it('in PostgreSQL as a secret', () => expect(findAll(columns, secrets())).toEqual([]));

  it('in PostgreSQL as personal data, but where operators and callers read it', () => {
    const elsewhere = columns.filter(({ column }) => !clear.has(column));
    expect(findAll(elsewhere, Object.values(canaries.personal))).toEqual([]);
  });
});

/** Personal data in clear, because callers and operators read it or filter by it. */
const clear = new Set([
  'accounts.owner',
  'accounts.label',
  'accounts.metadata',
  'accounts.identity',
  'accounts.connection_config',
  'accounts.provider_config',
  // The timeline has the changed details with their values.
  'account_events.data',
  // Views, for operators.
  'daily_analytics.owner',
  'daily_analytics_by_owner.owner',
  'attendees.name',
  'attendees.phone_number',
  'attendees.provider_attendee_id',
  'messages.search',
  'messages.text',
  'provider_keys.key',
]);

describe('SECURITY 8: what Temporal shows of a run holds no personal data', () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

  it('its id is made of a kind and an account, or of a kind and a queue', () => {
    expect(ofAccounts().length).toBeGreaterThan(10);
    // The Schedule's id and the time of its fire.
    for (const { info } of ours().filter(isSweep))
      expect(info.workflowId).toMatch(new RegExp(`^${info.type}/patchbay-\\d{4}-\\d\\d-\\d\\dT[\\d:]+Z$`));
    for (const { info } of ofAccounts()) {
      const parts = info.workflowId.split('/');
      expect(['connection', 'sync/details', 'sync/conversations']).toContain(parts.slice(0, -1).join('/'));
      expect(parts.at(-1)).toMatch(uuid);
    }
  });

  it("its search attributes are ids, words of ours and the tenant's name, and it has no memo", () => {
    const names = [...channelNames, ...Object.keys(providers)];
    const { tenant } = stack.describe();
    const words = [...names, tenant, 'connection', 'sync_details', 'sync_conversations', 'sweep', 'maintenance'];
    const states = ['connecting', 'active', 'degraded', 'reconnect_required', 'disconnected', 'failed'];
    for (const run of ours()) {
      const { info } = run;
      expect(info.memo ?? {}).toEqual({});
      const values = [...info.typedSearchAttributes.getAll()]
        .filter(({ key }) => key.name.startsWith('Patchbay'))
        .map(({ value }) => String(value));
      // PatchbayState is set when a connection ends.
      expect(values.length).toBeGreaterThanOrEqual(isSweep(run) ? 1 : 6);
      for (const value of values) expect(uuid.test(value) || [...words, ...states].includes(value)).toBe(true);
    }
  });
});
