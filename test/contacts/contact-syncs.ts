import { runSql } from '../support/run-sql.ts';
import { openContactsRun } from '../../db/queries/syncs/open-contacts-run.ts';
import type { ContactTarget } from '../../db/queries/syncs/sync-target.ts';
import { eventually } from '../support/eventually.ts';
import type { ApiClient } from '../support/client.ts';
import type { TestStack } from '../support/stack.ts';

/** Fills, syncs and reads contacts of the sandbox's WASender. */
export interface ContactSyncs {
  /** A connected account whose first sync has ended. */
  connected(contacts: object, api?: ApiClient): Promise<{ id: string; session: string; first: any }>;
  /** As a trigger does; returns the run's id. */
  start(accountId: string, target?: ContactTarget | null): Promise<string>;
  /** The row of an ended run. */
  ended(runId: string): Promise<any>;
  sync(accountId: string, target?: ContactTarget | null): Promise<any>;
  query(sql: string, params?: unknown[]): Promise<any[]>;
  variant(name: string, value: unknown): Promise<unknown>;
}

let numbers = 0;

export function createContactSyncs(stack: TestStack): ContactSyncs {
  const { context } = stack.worker;
  const query = (sql: string, params: unknown[] = []): Promise<any[]> =>
    context.db.system((em) => runSql<any>(em, sql, params));
  const ended = (runId: string): Promise<any> =>
    eventually('the end of the sync', async () => {
      const [run] = await query('select * from sync_runs where id = ?', [runId]);
      return run.state === 'running' ? null : run;
    });
  const start = async (accountId: string, target: ContactTarget | null = null): Promise<string> => {
    const [{ tenant_id: tenantId }] = await query('select tenant_id from accounts where id = ?', [accountId]);
    const run = await context.db.system((em) =>
      openContactsRun(em, context.vault, { id: accountId, tenantId }, target, context.clock.now()),
    );
    await context.temporal.startSyncContacts(
      { tenantId, accountId, channel: 'whatsapp', provider: 'wasender' },
      run.scope,
      'api',
    );
    return run.id;
  };
  return {
    query,
    ended,
    start,
    sync: async (accountId, target) => ended(await start(accountId, target)),
    variant: (name, value) => stack.control.put('/variants', { provider: 'wasender', name, value }),
    connected: async (contacts, api = stack.api) => {
      numbers += 1;
      const { body } = await api.post('/api/v1/accounts', {
        provider: 'wasender',
        channel: 'whatsapp',
        owner: 'maya',
        credentials: { phone_number: `+33639983${String(numbers).padStart(3, '0')}` },
      });
      const id = body.account.id;
      const session = await eventually(
        'the session',
        async () => (await api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
      );
      await stack.control.put('/address-book', { session, ...contacts });
      await stack.control.post('/scan', { session });
      await api.account(id, 'active');
      const [run] = await eventually('the first sync', () =>
        query(`select id from sync_runs where account_id = ? and kind = 'contacts' limit 1`, [id]).then((found) =>
          found.length ? found : null,
        ),
      );
      return { id, session, first: await ended(run.id) };
    },
  };
}
