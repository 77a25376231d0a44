import { MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { Account, AccountEvent } from './entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from './entities/attempts.ts';
import { Contact, ContactAlias, SyncPage } from './entities/contacts.ts';
import { SyncRun, WebhookDedupe, WebhookEvent, WebhookRequest } from './entities/events.ts';
import { DataKey } from './entities/data-keys.ts';
import { ErasedSubject, Erasure, LedgerKey, WebhookSubject } from './entities/privacy.ts';
import { ApiKey, IdempotencyKey, ProviderCredentials, Tenant, WebhookSecretHash } from './entities/tenants.ts';

export type Em = EntityManager;

export const entities = [
  Tenant,
  ApiKey,
  IdempotencyKey,
  ProviderCredentials,
  Account,
  AccountEvent,
  ConnectionAttempt,
  ConnectionStep,
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
  ErasedSubject,
  WebhookSubject,
  DataKey,
];

/**
 * Both run one transaction. `tenant` sees that tenant's rows only; `system` crosses tenants: intake, sweeps, look-ups.
 */
export interface Database {
  tenant<T>(tenantId: string, work: (em: Em) => Promise<T>): Promise<T>;
  system<T>(work: (em: Em) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openDatabase(url: string, pool = { app: 10, system: 6 }): Promise<Database> {
  const [app, system] = await Promise.all([
    open(url, 'patchbay_app', pool.app),
    open(url, 'patchbay_system', pool.system),
  ]);
  return {
    tenant: (tenantId, work) =>
      app.em.fork().transactional(async (em) => {
        await em.execute("select set_config('patchbay.tenant', ?, true)", [tenantId]);
        return work(em);
      }),
    system: (work) => system.em.fork().transactional(work),
    close: async () => {
      await Promise.all([app.close(), system.close()]);
    },
  };
}

/** Takes `role` at connection start: no statement runs with more rights. */
function open(url: string, role: string, max: number): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: url,
    entities,
    forceUtcTimezone: true,
    // An ORM's log lines quote values.
    logger: () => {},
    ensureDatabase: false,
    pool: { min: 0, max, idleTimeoutMillis: 30_000 },
    driverOptions: { options: `-c role=${role}`, application_name: role, connectionTimeoutMillis: 5_000 },
  });
}
