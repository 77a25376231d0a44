import { AsyncLocalStorage } from 'node:async_hooks';
import { MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { AccountVisit } from './entities/account-visits.ts';
import { Account, AccountEvent, LoginRestart } from './entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from './entities/attempts.ts';
import { BulkItem, BulkOperation, ExportFile } from './entities/bulk.ts';
import { AccountDay, AnalyticsMark, ConversationDay } from './entities/analytics.ts';
import { Contact, ContactAlias, SyncPage } from './entities/contacts.ts';
import {
  Attendee,
  Conversation,
  ConversationAttendee,
  ConversationChange,
  ConversationDeparture,
  ConversationHistory,
  ProviderKey,
} from './entities/conversations.ts';
import { AuditEntry } from './entities/audit.ts';
import { Attachment, Message, MessageEffect, MessageReceipt } from './entities/messages.ts';
import { IntakeUptime, MissedWebhooks, WebhookWatch } from './entities/missed-webhooks.ts';
import { EventFloor, FeedEvent } from './entities/feed.ts';
import { SyncRun, WebhookDedupe, WebhookEvent, WebhookRequest } from './entities/events.ts';
import { DataKey } from './entities/data-keys.ts';
import { AccountCount } from './entities/health.ts';
import { Media } from './entities/media.ts';
import { TenantEvent, WebhookDelivery, WebhookEndpoint } from './entities/outgoing.ts';
import { MessageSend, SendCall, SendQueue } from './entities/sends.ts';
import { ErasedSubject, Erasure, LedgerKey, WebhookSubject } from './entities/privacy.ts';
import { UserRequest, UserRequestPart } from './entities/user-requests.ts';
import { createShares } from '../platform/shares.ts';
import { TransactionClient, withTransactionSettings, type TransactionSettings } from './transaction-client.ts';
import {
  ApiKey,
  CallBucket,
  CallPressure,
  IdempotencyKey,
  ProviderCredentials,
  RealtimeTicket,
  SendingStop,
  Tenant,
  WebhookSecretHash,
} from './entities/tenants.ts';

export type Em = EntityManager;

export const entities = [
  Tenant,
  ApiKey,
  RealtimeTicket,
  IdempotencyKey,
  ProviderCredentials,
  Account,
  AccountVisit,
  AccountEvent,
  ConnectionAttempt,
  ConnectionStep,
  CallBucket,
  CallPressure,
  WebhookSecretHash,
  WebhookRequest,
  WebhookEvent,
  WebhookDedupe,
  SyncRun,
  SyncPage,
  Contact,
  ContactAlias,
  LedgerKey,
  Erasure,
  UserRequest,
  UserRequestPart,
  ErasedSubject,
  WebhookSubject,
  DataKey,
  Conversation,
  Attendee,
  ConversationAttendee,
  ConversationChange,
  ConversationDeparture,
  ConversationHistory,
  ProviderKey,
  Message,
  MessageReceipt,
  Attachment,
  Media,
  MessageEffect,
  MessageSend,
  SendQueue,
  SendCall,
  LoginRestart,
  SendingStop,
  MissedWebhooks,
  WebhookWatch,
  IntakeUptime,
  FeedEvent,
  EventFloor,
  WebhookEndpoint,
  WebhookDelivery,
  TenantEvent,
  BulkOperation,
  BulkItem,
  ExportFile,
  AnalyticsMark,
  ConversationDay,
  AccountDay,
  AccountCount,
  AuditEntry,
];

/** The pools of a process: none of them can be used up by the work of another one. */
type PoolName = 'app' | 'system' | 'intake' | 'authentication';

/**
 * Each runs one transaction. Throws `ShareFullError`, or PostgreSQL's own error, where no connection becomes free within
 * 5 s; inside the work of a transaction that has not ended: pass its `em` on instead; and once it is closed.
 */
export interface Database {
  /** As the application's role: sees that tenant's rows only. One tenant has at most its share of the pool. */
  tenant<T>(tenantId: string, work: (em: Em) => Promise<T>): Promise<T>;
  /** As the system's role, which crosses tenants: sweeps, keys, repairs. `more` replaces settings of the pool. */
  system<T>(work: (em: Em) => Promise<T>, more?: TransactionSettings): Promise<T>;
  /** As the system's role, to store webhooks. One sender has at most a third of the pool. `more` replaces settings of the pool. */
  intake<T>(sender: string, work: (em: Em) => Promise<T>, more?: TransactionSettings): Promise<T>;
  /** As the system's role, to find the sender of a request by its key or secret. Waits for no lock. */
  authentication<T>(work: (em: Em) => Promise<T>): Promise<T>;
  /** How many connections each pool has, and how many callers wait for one. */
  connections(): Partial<Record<PoolName, PoolUse>>;
  close(): Promise<void>;
}

/** What a pool does at this moment, in connections; `waiting` in callers. */
type PoolUse = Readonly<Record<'busy' | 'idle' | 'waiting', number>>;

/** How a process uses PostgreSQL. */
export interface DatabaseUse {
  /** The most connections of each pool. Intake and authentication share the system's pool where they have none. */
  pool: { app: number; system: number; intake?: number; authentication?: number };
  /** The most connections of `app` for one tenant; all of them where it is left out. */
  tenantShare?: number;
  /** Milliseconds that a statement may take. */
  statementMs?: number;
  /** Milliseconds that a statement may wait for a lock. */
  lockMs?: number;
  /** The time of events; PostgreSQL's own where it is left out. */
  now?: () => Date;
}

/** How long a caller waits for a free or a new connection, in milliseconds. */
const connectMs = 5_000;
/** How long a transaction may wait for its own process, in milliseconds: a process that hangs holds no lock for longer. */
const idleMs = 30_000;
/** How much longer than a statement may take the client waits for its answer, in milliseconds. */
const answerMs = 10_000;
/** A silent connection is probed after this time, in milliseconds. */
const probeAfterMs = 10_000;
/** Callers of one tenant or sender that wait for its share. */
const mostWaiting = 200;

/**
 * Opens the pools through one login, which must be a member of both roles (see `db/migrations`). A role is taken for one
 * transaction, so a pooler that pools transactions may stand between.
 */
export async function openDatabase(url: string, use: DatabaseUse): Promise<Database> {
  const { pool, tenantShare = pool.app, statementMs = 600_000, lockMs = 10_000, now } = use;
  const patient = { statementMs, lockMs, now };
  const system = await openPool(url, 'system', 'patchbay_system', pool.system, patient);
  const app = await openPool(url, 'app', 'patchbay_app', pool.app, patient);
  const own = (name: PoolName, max: number | undefined, limits: PoolSettings): Pool | Promise<Pool> =>
    max === undefined ? system : openPool(url, name, 'patchbay_system', max, limits);
  const limits = { now, prepares: true };
  const intake = await own('intake', pool.intake, { statementMs: 10_000, lockMs: 2_000, ...limits });
  const authentication = await own('authentication', pool.authentication, {
    statementMs: 3_000,
    lockMs: 500,
    ...limits,
  });
  const pools = [...new Set([app, system, intake, authentication])];
  const shareOf = createShares(tenantShare, mostWaiting, connectMs);
  const senderShareOf = createShares(Math.ceil((pool.intake ?? pool.system) / 3), mostWaiting, connectMs);
  return {
    tenant: (tenantId, work) =>
      unlessInside(() => shareOf(tenantId, () => app.run(work, { 'patchbay.tenant': tenantId }))),
    system: (work, more) => unlessInside(() => system.run(work, more)),
    intake: (sender, work, more) => unlessInside(() => senderShareOf(sender, () => intake.run(work, more))),
    authentication: (work) => unlessInside(() => authentication.run(work)),
    connections: () => Object.fromEntries(pools.map((one) => [one.name, one.use()])),
    close: async () => {
      await Promise.all(pools.map((one) => one.close()));
    },
  };
}

const current = new AsyncLocalStorage<{ ended: boolean }>();

/** Runs one transaction. A second one inside would need a second connection while the first is held. */
async function unlessInside<T>(work: () => Promise<T>): Promise<T> {
  if (current.getStore()?.ended === false)
    throw new Error('A transaction was begun inside the work of another: use its `em`, or begin after it has ended.');
  const own = { ended: false };
  try {
    return await current.run(own, work);
  } finally {
    own.ended = true;
  }
}

/** Milliseconds that a statement may take, and those that it may wait for a lock; the time of events. */
interface PoolSettings {
  statementMs: number;
  lockMs: number;
  now: (() => Date) | undefined;
  /** What `prepared` marks is planned once for a connection. */
  prepares?: boolean;
}

/** As `event_time` reads it. */
const timeOf = (now: (() => Date) | undefined): TransactionSettings =>
  now ? { 'patchbay.now': now().toISOString() } : {};

interface Pool {
  name: PoolName;
  run<T>(work: (em: Em) => Promise<T>, settings?: TransactionSettings): Promise<T>;
  use(): PoolUse;
  close(): Promise<void>;
}

async function openPool(
  url: string,
  name: PoolName,
  role: string,
  max: number,
  { statementMs, lockMs, now, prepares = false }: PoolSettings,
): Promise<Pool> {
  let connections: pg.Pool | undefined;
  let isClosed = false;
  const running = new Set<Promise<unknown>>();
  const orm = await MikroORM.init({
    clientUrl: url,
    entities,
    forceUtcTimezone: true,
    // Logging is ours: an ORM's own lines would quote values.
    logger: () => {},
    ensureDatabase: false,
    pool: { min: 0, max, idleTimeoutMillis: 30_000 },
    driverOptions: {
      Client: TransactionClient,
      application_name: `patchbay_${name}`,
      connectionTimeoutMillis: connectMs,
      query_timeout: statementMs + answerMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: probeAfterMs,
      onPoolCreated: (made: pg.Pool) => {
        connections = made;
      },
    },
  });
  const own = {
    role,
    statement_timeout: String(statementMs),
    lock_timeout: String(lockMs),
    idle_in_transaction_session_timeout: String(idleMs),
    // At a million messages PostgreSQL expects so much of a list's statement that it would compile it first, for seconds.
    jit: 'off',
    // A plan that is made while a table is small would go on reading it whole, foreign keys' own look-ups too.
    ...(prepares && { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' }),
  };
  return {
    name,
    run: async (work, more = {}) => {
      // MikroORM would open a new pool, which nothing closes.
      if (isClosed) throw new Error('The database is closed.');
      const transaction = withTransactionSettings({ ...own, ...timeOf(now), ...more }, prepares, () =>
        // Otherwise MikroORM forks the entity manager of the calling code's last transaction, with that one's role.
        orm.em.fork({ disableContextResolution: true }).transactional(work),
      );
      running.add(transaction);
      try {
        return await transaction;
      } finally {
        running.delete(transaction);
      }
    },
    use: () => {
      const { totalCount = 0, idleCount = 0, waitingCount = 0 } = connections ?? {};
      return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
    },
    close: async () => {
      isClosed = true;
      // A transaction that MikroORM's end interrupts keeps its connection, and the end waits for that for ever.
      await Promise.allSettled(running);
      await orm.close();
    },
  };
}
