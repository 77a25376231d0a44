import { lockAccounts } from '../../db/queries/accounts/lock-accounts.ts';
import { rows, sql } from '../../db/sql.ts';
import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { installedProviders } from '../../services/boot.ts';
import { completeContacts } from '../../services/contacts/complete-contacts.ts';
import { readRequest } from '../../services/webhooks/read-request.ts';
import { storeRequests, type IncomingRequest } from '../../services/webhooks/store-requests.ts';
import { createContactSyncs } from '../contacts/contact-syncs.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

type Verb = 'check' | 'details' | 'picture' | 'all';

/** Holds the provider's next answer back until `open` is called. */
interface Gate {
  reached: PromiseWithResolvers<void>;
  opened: PromiseWithResolvers<void>;
}
const gates = new Map<Verb, Gate>();
const hold = (verb: Verb): Gate => {
  const gate = { reached: Promise.withResolvers<void>(), opened: Promise.withResolvers<void>() };
  gates.set(verb, gate);
  return gate;
};
const held = async <T>(verb: Verb, answer: T): Promise<T> => {
  const gate = gates.get(verb);
  gates.delete(verb);
  gate?.reached.resolve();
  await gate?.opened.promise;
  return answer;
};
const slow = (provider: Provider): Provider => ({
  ...provider,
  login: {
    ...provider.login,
    check: async (...call) => held('check', await provider.login.check(...call)),
  },
  account: {
    ...provider.account,
    details: async (...call) => held('details', await provider.account.details(...call)),
  },
  ...(provider.contacts && {
    contacts: {
      ...provider.contacts,
      all: async (...call) => held('all', await provider.contacts!.all(...call)),
      picture: async (...call) => held('picture', await provider.contacts!.picture(...call)),
    },
  }),
});
const providers = Object.fromEntries(
  Object.entries(installedProviders).map(([name, provider]) => [name, slow(provider)]),
) as Providers;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({}, providers);
});
beforeEach(() => gates.clear());
afterAll(() => stack?.stop());

async function rowOf(id: string): Promise<Record<string, unknown>> {
  const [row] = await stack.worker.context.db.system((em) =>
    rows<Record<string, unknown>>(em, sql`select * from accounts where id = ${id}`),
  );
  return row ?? {};
}
const contactsOf = async (id: string): Promise<number> =>
  (
    await stack.worker.context.db.system((em) =>
      rows<{ n: number }>(em, sql`select count(*)::int as n from contacts where account_id = ${id}`),
    )
  )[0]?.n ?? 0;

async function connected(provider: string, phone: string): Promise<string> {
  const credentials = provider === 'wasender' ? { phone_number: phone } : {};
  const body = { provider, channel: 'whatsapp', owner: 'maya', credentials };
  const { id } = (await stack.api.post('/api/v1/accounts', body)).body.account;
  const { provider_account_id: upstream } = (await stack.api.get(`/api/v1/accounts/${id}`)).body;
  await stack.control.post('/scan', provider === 'wasender' ? { session: upstream } : { account_id: upstream, phone });
  await stack.api.account(id, 'active');
  return id;
}

describe('what a provider answers after a purge', () => {
  it.each([
    ['unipile', '+33639982001'],
    ['wasender', '+33639982002'],
  ])('is not stored by a details sync: %s', async (provider, phone) => {
    const id = await connected(provider, phone);
    expect((await rowOf(id)).raw_details).not.toBeNull();
    const gate = hold('details');
    await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'details' });
    await gate.reached.promise;
    await stack.api.delete(`/api/v1/accounts/${id}?purge=true`);
    await stack.api.account(id, 'disconnected');
    gate.opened.resolve();
    const client = await temporalClient();
    await client.workflow.getHandle(syncWorkflowId('details', id)).result();
    await client.connection.close();
    expect(await rowOf(id)).toMatchObject({
      raw_details: null,
      connection_config: null,
      provider_config: null,
      details_at: null,
      provider_keys: null,
      webhook_secret_hash: null,
      secret: null,
      identity: null,
    });
  });

  it('is not stored by the search for pictures', async () => {
    const syncs = createContactSyncs(stack);
    await syncs.variant('list_pictures', false);
    const { id } = await syncs.connected({ size: 3, seed: 'fence' });
    const { tenant_id: tenantId } = (await rowOf(id)) as { tenant_id: string };
    const gate = hold('picture');
    const { context } = stack.worker;
    const account = { id, tenant_id: tenantId };
    const work = completeContacts(
      context,
      account,
      () => context.clock.now(),
      () => false,
      AbortSignal.timeout(60_000),
    );
    await gate.reached.promise;
    await stack.worker.context.db.system((em) =>
      rows(em, sql`update accounts set provider_account_id = 'another' where id = ${id}`),
    );
    gate.opened.resolve();
    await work;
    const [found] = await context.db.system((em) =>
      rows<{ n: number }>(
        em,
        sql`select count(*)::int as n from contacts where account_id = ${id} and picture_at is not null`,
      ),
    );
    expect(found?.n).toBe(0);
  });

  it('is not stored by a contacts sync that read another login than the account has now', async () => {
    const gate = hold('all');
    const id = await connected('wasender', '+33639982003');
    await gate.reached.promise;
    await stack.worker.context.db.system((em) =>
      rows(em, sql`update accounts set provider_account_id = '1' where id = ${id}`),
    );
    const next = hold('all');
    gate.opened.resolve();
    // The address book is read anew, as the other login's.
    await next.reached.promise;
    expect(await contactsOf(id)).toBe(0);
    next.opened.resolve();
  });
});

it.each(['ends', 'does not end'])(
  'a webhook that is being stored during a purge is purged with it, where the provider %s the login',
  async (outcome) => {
    const ends = outcome === 'ends';
    const id = await connected('unipile', ends ? '+33639982005' : '+33639982006');
    const { db, clock } = stack.worker.context;
    const { credentials_id: credentialsId, provider_account_id: upstream } = await rowOf(id);
    const body = { AccountStatus: { account_id: upstream, account_type: 'WHATSAPP', message: 'ERROR' } };
    const raw = { raw: Buffer.from(JSON.stringify(body)), headers: {} };
    const locked = Promise.withResolvers<void>();
    const unlock = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    // Intake takes no lock of an account that another transaction holds.
    const lock = db.system(async (em) => {
      await lockAccounts(em, [id]);
      locked.resolve();
      await unlock.promise;
    });
    await locked.promise;
    const intake = db.system(async (em) => {
      const request: IncomingRequest = {
        id: newId(),
        sender: {
          credentialsId: String(credentialsId),
          tenantId: null,
          provider: 'unipile',
          providerAccountId: null,
          proof: null,
        },
        headers: {},
        receivedAt: clock.now(),
        read: readRequest(installedProviders['unipile']!, raw, null),
        isNew: true,
      };
      expect(await storeRequests(stack.worker.context, em, [request], 'apply')).toMatchObject([
        [{ state: 'received' }],
      ]);
      stored.resolve();
      await commit.promise;
    });
    await stored.promise;
    unlock.resolve();
    await lock;
    if (!ends)
      await stack.control.put('/faults', { provider: 'unipile', route: 'DELETE /api/v1/accounts/:id', rate_500: 1 });
    await stack.api.delete(`/api/v1/accounts/${id}?purge=true`);
    if (!ends) await stack.control.post('/clock', { advance_seconds: 16 * 60 });
    await stack.api.account(id, 'disconnected');
    commit.resolve();
    await intake;
    await eventually('no event of the account', async () => {
      const events = await db.system((em) => rows(em, sql`select 1 from webhook_events where account_id = ${id}`));
      return events.length === 0;
    });
    await stack.control.put('/faults', { provider: 'unipile' });
  },
);

it('a purge is done, and every secret destroyed, although the provider does not end the login', async () => {
  const id = await connected('unipile', '+33639982004');
  const { provider_account_id: upstream } = await rowOf(id);
  await stack.control.put('/faults', { provider: 'unipile', route: 'DELETE /api/v1/accounts/:id', rate_500: 1 });
  await stack.api.delete(`/api/v1/accounts/${id}?purge=true`);
  await eventually('a try', async () => (await stack.control.count('DELETE', '/api/v1/accounts/:id')) > 0);
  await stack.control.post('/clock', { advance_seconds: 16 * 60 });
  await stack.api.account(id, 'disconnected');
  expect((await stack.api.get(`/api/v1/accounts/${id}/attempt`)).body).toMatchObject({ state: 'failed' });
  expect(await rowOf(id)).toMatchObject({
    raw_details: null,
    connection_config: null,
    provider_keys: null,
    secret: null,
    identity: null,
    contacts_due_at: null,
  });
  await stack.control.put('/faults', { provider: 'unipile' });
  await stack.control.post('/clock', { advance_seconds: 120 });
  await eventually('the login to end there', async () => {
    const { status } = await stack.provider('GET', `/accounts/${String(upstream)}`);
    return status === 404;
  });
});

it('a report that comes while the provider is asked is not lost', async () => {
  const id = await connected('wasender', '+33639982031');
  const session = String((await rowOf(id))['provider_account_id']);
  const gate = hold('check');
  await stack.control.post('/drop', { session, status: 'connecting' });
  await gate.reached.promise;
  await stack.control.post('/drop', { session, status: 'connected' });
  await eventually('its report', async () => {
    const { items } = (await stack.api.get(`/api/v1/webhook-events?account=${id}`)).body;
    return items.filter(({ type }: { type: string }) => type === 'session.status.connected').length >= 2;
  });
  gate.opened.resolve();
  // Well before the reconciler looks, which would have the provider asked again.
  await eventually(
    'active again, after the trouble that the first answer showed',
    async () => {
      const { items } = (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=20`)).body;
      const trouble = items.some(({ data }: { data: { to?: string } }) => data.to === 'degraded');
      return trouble && (await rowOf(id))['state'] === 'active';
    },
    15_000,
  );
});
