import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Context } from '../../services/context.ts';
import type { Patience } from '../../api/http/server.ts';
import { startApi, type RunningApi } from '../../api/start.ts';
import { createApiKey, ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from '../../db/entities/attempts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { sealed } from '../../db/sealed.ts';
import { scopeNames, type Scope } from '../../domain/scopes.ts';
import type { StepContent } from '../../domain/steps.ts';
import { loadConfig } from '../../services/boot.ts';
import { newId } from '../../platform/ids.ts';
import type { AccountRef, TemporalClient } from '../../temporal/client.ts';
import { sandboxSettings } from '../../sandbox/client-settings.ts';
import { startSandbox } from '../../sandbox/start.ts';
import type { StepAction } from '../../workflows/messages.ts';
import { createClient, type ApiClient } from '../support/client.ts';
import { makeMediaFolder } from '../support/media-folder.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Replaces Temporal and records the signalled accounts; a test may make it act or fail. */
export interface StandIn extends TemporalClient {
  signalled: string[];
  submitted: StepAction[];
  syncs: string[];
  sends: string[];
  down: boolean;
  onSubmit(account: AccountRef, action: StepAction): ReturnType<TemporalClient['submitStep']>;
  onFirstStep(account: AccountRef, attempt: number): Promise<void>;
}

export function createStandIn(): StandIn {
  const check = (): void => {
    if (temporal.down) throw new Error('Temporal is down');
  };
  const temporal: StandIn = {
    signalled: [],
    submitted: [],
    syncs: [],
    sends: [],
    down: false,
    onSubmit: () => Promise.resolve(null),
    onFirstStep: () => Promise.resolve(),
    signalConnection: async (account) => {
      check();
      temporal.signalled.push(account.accountId);
    },
    remindConnection: (account) => temporal.signalConnection(account, 'reconciler'),
    currentStep: async (account, attempt) => {
      await temporal.onFirstStep(account, attempt);
      return null;
    },
    submitStep: async (account, action) => {
      temporal.submitted.push(action);
      return temporal.onSubmit(account, action);
    },
    ensureSearchAttributes: () => Promise.resolve(),
    ensureSchedules: () => Promise.resolve(),
    runMaintenance: async () => check(),
    runAnalytics: async () => check(),
    runTokens: async () => {
      check();
      return true;
    },
    runPlatforms: async () => {
      check();
      return true;
    },
    runReminders: async () => {
      check();
      return true;
    },
    startErasure: async () => check(),
    startBulk: async () => check(),
    startSends: async (account) => {
      check();
      temporal.sends.push(account.accountId);
    },
    startOpenedSyncs: async ({ tenantId }) => {
      check();
      temporal.syncs.push(tenantId);
    },
    startSyncContacts: async (account) => {
      check();
      temporal.syncs.push(account.accountId);
    },
    startSyncConversations: async () => undefined,
    startSyncDetails: async (account) => {
      check();
      temporal.syncs.push(account.accountId);
    },
    historyUrl: (id) => `http://127.0.0.1:8233/${encodeURIComponent(id)}`,
    ping: () => Promise.resolve(!temporal.down),
    close: () => Promise.resolve(),
  };
  return temporal;
}

/** An API over real PostgreSQL, with a stand-in for Temporal. */
export interface TestApi {
  url: string;
  context: Context;
  temporal: StandIn;
  database: TestDatabase;
  client: ApiClient;
  clientOf(tenant: string, scopes?: readonly Scope[]): Promise<ApiClient>;
  clock: { advance(ms: number): void };
  stop(): Promise<void>;
}

export async function startTestApi(
  settings: Record<string, string> = {},
  parts: Partial<Context> = {},
  patience?: Patience,
): Promise<TestApi> {
  const [database, sandbox, media] = await Promise.all([createTestDatabase(), startSandbox(), makeMediaFolder()]);
  const config = loadConfig({
    DATABASE_URL: database.url,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
    ...sandboxSettings(sandbox),
    PORT: '0',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent',
    SHUTDOWN_GRACE_SECONDS: '1',
    RATE_LIMIT_PER_MINUTE: '100000',
    MEDIA_FOLDER: media,
    ...settings,
  });
  const temporal = createStandIn();
  let aheadMs = 0;
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const api: RunningApi = await startApi(config, { temporal, clock, ...parts }, patience);
  const clientOf = async (tenant: string, scopes: readonly Scope[] = scopeNames): Promise<ApiClient> => {
    const key = await api.context.db.system(async (em) => {
      const row = await ensureTenant(em, api.context.vault, tenant, new Date());
      return createApiKey(em, row.id, 'test', scopes, new Date()).key;
    });
    return createClient(api.url, key);
  };
  return {
    url: api.url,
    context: api.context,
    temporal,
    database,
    client: await clientOf('ours'),
    clientOf,
    clock: {
      advance: (ms) => {
        aheadMs += ms;
      },
    },
    stop: async () => {
      await api.close();
      await sandbox.close();
      await database.drop();
      await rm(media, { recursive: true, force: true });
    },
  };
}

export const whatsapp = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
export const linkedin = {
  provider: 'unipile',
  channel: 'linkedin',
  owner: 'maya',
  credentials: { username: 'a@b.example', password: 'correct horse' },
};

/** An account with a running attempt. */
export async function connect(client: ApiClient, body: object = whatsapp): Promise<any> {
  const { status, body: answer } = await client.post('/api/v1/accounts', body);
  if (status !== 202) throw new Error(JSON.stringify(answer));
  return answer;
}

/** As a worker does. */
export const placeStep = (
  { context }: TestApi,
  attemptId: string,
  content: StepContent,
  more: { canResend?: boolean; expiresAt?: Date } = {},
): Promise<string> =>
  context.db.system(async (em) => {
    const attempt = await em.findOneOrFail(ConnectionAttempt, { id: attemptId });
    const keys = await context.vault.keysOf(em, attempt.tenantId);
    const id = newId();
    em.persist(
      em.create(ConnectionStep, {
        id,
        tenantId: attempt.tenantId,
        accountId: attempt.accountId,
        attemptId,
        number: 1 + (await em.count(ConnectionStep, { attemptId })),
        kind: content.kind,
        content: keys.seal(JSON.stringify(content), sealed.stepContent(id)),
        again: false,
        canResend: more.canResend ?? false,
        canTryAnotherWay: false,
        createdAt: context.clock.now(),
        expiresAt: more.expiresAt ?? attempt.deadlineAt,
        answersLeft: attempt.answersLeft,
        answer: null,
        answerId: null,
        answeredAt: null,
        sentAt: null,
        outcome: null,
        endedAt: null,
      }),
    );
    attempt.currentStepId = id;
    return id;
  });

/** Makes an account active under an upstream id, its attempt succeeded. */
export const activate = ({ context }: TestApi, accountId: string, upstream: string): Promise<void> =>
  context.db.system(async (em) => {
    const account = await em.findOneOrFail(Account, { id: accountId });
    Object.assign(account, { providerAccountId: upstream, state: 'active', who: 'nobody' });
    await em.nativeUpdate(ConnectionAttempt, { accountId }, { state: 'succeeded', endedAt: new Date() });
  });

/** The installation's webhook address and secret. */
export const webhookOf = ({ context, url }: TestApi): Promise<{ address: string; secret: string }> =>
  context.db.system(async (em) => {
    const row = await em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null });
    const [secret = ''] = webhookSecretsOf(await context.vault.keysOf(em, null), row);
    return { address: `${url}/webhooks/unipile/${row.webhookToken}`, secret };
  });

export const unique = (): string => randomBytes(6).toString('hex');
