import { AsyncLocalStorage } from 'node:async_hooks';
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
 * Both throw inside the work of a transaction that has not ended: pass its `em` on instead.
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
  const current = new AsyncLocalStorage<{ ended: boolean }>();
  const transaction = async <T>(orm: MikroORM, work: (em: Em) => Promise<T>): Promise<T> => {
    // A second connection while the first is held: with every connection of a pool held so, none would ever be free.
    if (current.getStore()?.ended === false)
      throw new Error('A transaction was begun inside the work of another: use its `em`, or begin after it has ended.');
    const own = { ended: false };
    try {
      // Otherwise MikroORM forks the entity manager of the calling code's last transaction, with that one's role.
      const em = orm.em.fork({ disableContextResolution: true });
      return await current.run(own, () => em.transactional(work));
    } finally {
      own.ended = true;
    }
  };
  return {
    tenant: (tenantId, work) =>
      transaction(app, async (em) => {
        await em.execute("select set_config('patchbay.tenant', ?, true)", [tenantId]);
        return work(em);
      }),
    system: (work) => transaction(system, work),
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
