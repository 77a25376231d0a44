import { Account } from '../../db/entities/accounts.ts';
import { BulkOperation } from '../../db/entities/bulk.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { addItems, countAsked, settleAttempts, settleSyncs, waitingItems } from '../../db/queries/bulk/items.ts';
import { stalledOperations } from '../../db/queries/bulk/operations.ts';
import { expiredExports } from '../../db/queries/exports/files.ts';
import { accountConditions } from '../../db/queries/updates/account-conditions.ts';
import { takeTurn } from '../../services/bulk/take-turn.ts';
import { leaseAccounts } from '../../db/queries/accounts/lease-due-accounts.ts';
import { adoptQuestions, dueReminders } from '../../db/queries/accounts/due-reminders.ts';
import { loginTimes, restartTimes } from '../../db/queries/accounts/login-times.ts';
import { loginsOfGroups } from '../../db/queries/accounts/provider-groups.ts';
import { noteLost } from '../../db/queries/accounts/told-lost.ts';
import {
  codeOfRequest,
  insertRequest,
  openParts,
  requestByCode,
  settleRequests,
} from '../../db/queries/user-requests/user-requests.ts';
import {
  claimVisits,
  credentialsToVisit,
  releaseVisits,
  type ClaimedVisits,
} from '../../db/queries/visits/claim-visits.ts';
import { countBehind, hasUnread } from '../../db/queries/visits/news.ts';
import { requestVisits } from '../../db/queries/visits/request-visits.ts';
import { noteBucket } from '../../db/queries/visits/settle-visits.ts';
import { evidenceOf, type VisitEvidence } from '../../db/queries/visits/visit-evidence.ts';
import { openVisitRun } from '../../db/queries/syncs/open-runs.ts';
import { checkSoon } from '../../db/queries/webhooks/request-checks.ts';
import { knownLogins } from '../../db/queries/accounts/known-logins.ts';
import { purgeAccount } from '../../db/queries/accounts/purge-account.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { removeEvent } from '../../db/queries/webhooks/requests.ts';
import { firstId, newId } from '../../platform/ids.ts';
import { createReconciler } from '../../services/reconcile/reconcile.ts';
import { claimEvents } from '../../services/webhooks/claim-events.ts';
import { drainContacts } from '../../services/webhooks/drain-contacts.ts';
import { drainMessages } from '../../services/webhooks/drain-messages.ts';
import { drainWebhooks } from '../../services/webhooks/drain-webhooks.ts';
import { maintain } from '../../services/maintenance/maintain.ts';
import { postWebhook } from '../api/fixture.ts';
import { startTestApi, unique, type TestApi } from '../api/support.ts';
import { explainAll, greedy, planServers, plansOf, scans, startPlanServer, type PlanServer } from '../support/plans.ts';
import type { ApiClient } from '../support/client.ts';
import { addCrowd } from '../../bench/crowd.ts';
import { runSql } from '../support/run-sql.ts';

/** `PATCHBAY_TEST_PLANS=full` asks for the full size. */
const size =
  process.env.PATCHBAY_TEST_PLANS === 'full'
    ? { accounts: 100_000, events: 500_000 }
    : { accounts: 12_000, events: 60_000 };
/** Rows that a node of a plan may read; each operation here needs far fewer. */
const most = 3_000;

describe.each(planServers)(
  `PostgreSQL %s with ${size.accounts} accounts and ${size.events} webhook events`,
  (_name, bin) => {
    let api: TestApi;
    let crowd: ApiClient;
    let server: PlanServer;
    beforeAll(async () => {
      server = await startPlanServer(bin);
      api = await startTestApi();
      crowd = await api.clientOf('crowd');
      const { id: tenant } = await system<Tenant>((em) => em.findOneOrFail(Tenant, { name: 'crowd' }));
      await explainAll(api, async (client) => {
        await addCrowd(client, tenant, size);
        await client.query(auditEntries, [tenant, size.events]);
        await client.query('analyze audit_entries');
      });
    }, 600_000);
    afterAll(async () => {
      await api?.stop();
      await server?.stop();
    });

    const system = <T>(work: Parameters<TestApi['context']['db']['system']>[0]): Promise<T> =>
      api.context.db.system(work) as Promise<T>;
    /** Fails with the statements that read too much. */
    const expectFrugal = async (work: () => Promise<unknown>): Promise<void> => {
      const plans = await plansOf(work);
      expect(plans.length).toBeGreaterThan(0);
      expect(greedy(plans, most)).toEqual([]);
    };

    it('finds the account of an event, tells repeats and stores what is new', () =>
      expectFrugal(async () => {
        for (const account_id of ['crowd-77', 'crowd-9999', `unknown-${unique()}`]) {
          const status = { AccountStatus: { account_id, account_type: 'WHATSAPP', message: 'CREDENTIALS' } };
          for (let n = 0; n < 2; n += 1) expect((await postWebhook(api, status)).status).toBe(200);
          const message = {
            event: 'message_received',
            account_id,
            chat_id: 'chat-77',
            message_id: unique(),
            message: 'hello',
          };
          const sender = { attendee_provider_id: 'person-77', attendee_name: 'Person 77' };
          expect((await postWebhook(api, { ...message, sender })).status).toBe(200);
          const about = { ...message, reaction: '👍', reaction_sender: sender, sender, is_sender: true };
          for (const event of ['message_edited', 'message_reaction', 'message_read', 'message_deleted'])
            expect((await postWebhook(api, { ...about, event })).status).toBe(200);
        }
        await system((em) => removeEvent(em, newId(), 'crowd-event-1'));
        await drainWebhooks(api.context);
      }));

    it('tells upstream ids that the installation knows', () =>
      expectFrugal(() =>
        system(async (em) => expect(await knownLogins(em, ['crowd-5', 'never'])).toEqual(new Set(['crowd-5']))),
      ));

    it('claims early events in few statements, however many there are', async () => {
      const upstream = `early-${unique()}`;
      for (let n = 0; n < 40; n += 1) {
        const message = {
          event: 'message_received',
          account_id: upstream,
          chat_id: `chat-${n}`,
          message_id: unique(),
          message: `${n}`,
        };
        expect(
          (
            await postWebhook(api, {
              ...message,
              sender: { attendee_provider_id: `3363998${1000 + n}@s.whatsapp.net` },
            })
          ).status,
        ).toBe(200);
      }
      const plans = await plansOf(() =>
        system(async (em) => {
          const account = await lockAccount(em, accountId(33));
          account!.providerAccountId = upstream;
          await em.flush();
          await claimEvents(api.context, em, account!, new Date());
        }),
      );
      expect(greedy(plans, most)).toEqual([]);
      expect(plans.length).toBeLessThan(20);
      const found = await system<object[]>((em) =>
        runSql(
          em,
          `select e.state, s.tenant_id = e.tenant_id as noted, count(*)::int from webhook_events e
           join webhook_subjects s on s.request_id = e.request_id where e.provider_account_id = ? group by 1, 2`,
          [upstream],
        ),
      );
      // What they tell of messages is applied in batches.
      expect(found).toEqual([{ state: 'received', noted: true, count: 40 }]);
      const [before] = await system<any[]>((em) => runSql(em, 'select count(*)::int as n from messages'));
      const draining = await plansOf(() => drainMessages(api.context));
      expect(greedy(draining, most)).toEqual([]);
      const [after] = await system<any[]>((em) => runSql(em, 'select count(*)::int as n from messages'));
      expect(after.n - before.n).toBe(40);
    });

    it('B13: applies what events owe to contacts, by account', async () => {
      const owed = await system<object[]>((em) =>
        runSql(
          em,
          `update webhook_events set kind = 'contact', state = 'received'
           where id in (select id from webhook_events where account_id is not null limit 300) returning id`,
        ),
      );
      expect(owed).toHaveLength(300);
      const plans = await plansOf(async () => expect(await drainContacts(api.context)).toBe(300));
      expect(greedy(plans, most)).toEqual([]);
      expect(scans(plans, ['webhook_events', 'webhook_requests'])).toEqual([]);
      expect(await drainContacts(api.context)).toBe(0);
    });

    it('finds the accounts of a group, what is due about tokens, and requests of users', async () => {
      // The triggers of one statement compare its rows with each other.
      for (let first = 1; first < 4_000; first += 400)
        await system((em) =>
          runSql(
            em,
            `update accounts set provider_groups = array['user:' || right(id::text, 2)], keys_due_at = now() + interval '1 day'
             where id between ? and ?`,
            [accountId(first), accountId(first + 399)],
          ),
        );
      const { credentialsId } = await system<Account>((em) => em.findOneOrFail(Account, { id: accountId(700) }));
      const group = `user:${accountId(700).slice(-2)}`;
      const [now, until] = [new Date(), new Date(Date.now() + 3_600_000)];
      const hash = { groupHash: 'none', dedupeHash: 'none' };
      const given = { tenantId: null, credentialsId: credentialsId!, provider: 'unipile', ...hash };
      await expectFrugal(() =>
        system(async (em) => {
          expect((await loginsOfGroups(em, [{ credentialsId: credentialsId!, group }])).length).toBeGreaterThan(0);
          expect(await loginsOfGroups(em, [{ credentialsId: credentialsId!, group: 'user:none' }])).toEqual([]);
          await noteLost(em, credentialsId!, group, now);
          expect(await leaseAccounts(em, 'keys_due_at', now, until, 20)).toEqual([]);
          await adoptQuestions(em, now, 20);
          expect(await dueReminders(em, now, 20)).toEqual([]);
          expect(await loginTimes(em, accountId(700), now)).not.toEqual([]);
          expect(await restartTimes(em, accountId(700), now)).toEqual([]);
          expect(await codeOfRequest(em, given)).toBeNull();
          const made = await insertRequest(em, given, group, now);
          expect(await openParts(em, { requestId: made!.id }, firstId, 20)).not.toEqual([]);
          await settleRequests(em, now, 1);
          expect(await requestByCode(em, 'unipile', made!.code)).toMatchObject({ isDone: false });
        }),
      );
    });

    it('finds what is due of visits, claims it, sees what is known of it, and writes what was found', async () => {
      const { credentialsId } = await system<Account>((em) => em.findOneOrFail(Account, { id: accountId(700) }));
      const now = new Date();
      const later = new Date(now.getTime() + 30 * 60_000);
      const due = { now: later, dueAt: later, withSlow: true };
      const bucket = { places: 40, slowFromMs: 2_000, slowPlaces: 10 };
      await expectFrugal(async () => {
        const candidates = await system<string[]>((em) => credentialsToVisit(em, due, bucket, 50));
        expect(candidates).toContain(credentialsId);
        const until = new Date(later.getTime() + 60_000);
        const claim = await system<ClaimedVisits | null>((em) =>
          claimVisits(em, credentialsId!, due, bucket, until, 20),
        );
        expect(claim?.accounts).toHaveLength(20);
        const { lease, accounts } = claim!;
        const known = await system<VisitEvidence[]>((em) => evidenceOf(em, lease, accounts, later));
        expect(known).toHaveLength(20);
        expect(await system((em) => countBehind(em, accounts))).toEqual([]);
        expect(await system((em) => hasUnread(em, accounts[0]!, [{ keys: ['chat-77'], newestAt: now }]))).toBe(true);
        await system((em) => openVisitRun(em, accounts[0]!, lease, later));
        await system((em) => releaseVisits(em, lease, accounts, later));
        await system((em) => noteBucket(em, credentialsId!, { meanMs: 1, isDown: false }, later));
        await system((em) => requestVisits(em, accounts, later));
        await system((em) => checkSoon(em, accounts, later));
      });
    });

    it('purges and deletes an account', () =>
      expectFrugal(async () => {
        await system(async (em) => {
          const account = await lockAccount(em, accountId(34));
          const attempt = await em.findOneOrFail(ConnectionAttempt, { accountId: account!.id });
          await purgeAccount(em, account!, attempt.id);
        });
        await system((em) => runSql(em, 'delete from accounts where id = ?', [accountId(35)]));
      }));

    it('repairs and maintains', () =>
      expectFrugal(async () => {
        await createReconciler(api.context, 15_000).round(() => false);
        await maintain(api.context, new Date(), new AbortController().signal);
      }));

    it('answers lists and accounts', () =>
      expectFrugal(async () => {
        for (const path of [
          'accounts?limit=50',
          'accounts?state=failed&limit=50',
          'accounts?owner=owner-700',
          'accounts?label=never',
          'accounts?updated_since=2020-01-01T00:00:00Z',
          'accounts?updated_since=2020-01-01T00:00:00Z&owner=owner-700',
          `accounts/${accountId(700)}`,
          `accounts/${accountId(700)}/timeline`,
          'webhook-events?limit=50',
          'webhook-events?state=failed',
          'webhook-events?state=unmatched',
          'webhook-events?type=account_status.ok',
          'accounts?channel=linkedin',
          'accounts?provider=wasender',
          `webhook-events?account=${accountId(700)}`,
          'syncs?limit=50',
          `syncs?account=${accountId(700)}`,
          'contacts?limit=50',
          'tenant/sending',
          `accounts/${accountId(700)}/health?days=31`,
          'health/accounts',
          'health/accounts?scope=installation',
        ]) {
          const { status } = await crowd.get(`/api/v1/${path}`);
          expect([path, status]).toEqual([path, 200]);
        }
      }));

    it('A14: reads the health of a fleet by its indexes: trouble, what is due, what waits', async () => {
      // The triggers of one statement compare its rows with each other.
      for (let first = 5_001; first < 6_000; first += 250)
        await system((em) =>
          runSql(
            em,
            `update accounts set state = 'reconnect_required', who = 'owner', reason = 'login_lost', contacts_due_at = now()
             where id between ? and ?`,
            [accountId(first), accountId(first + 249)],
          ),
        );
      const plans = await plansOf(async () => {
        for (const scope of ['tenant', 'installation'])
          for (const query of [
            '',
            '&who=operator',
            '&state=degraded',
            '&provider=meta',
            `&account=${accountId(5_100)}`,
          ]) {
            const { status, body } = await crowd.get(`/api/v1/health/accounts?scope=${scope}${query}`);
            expect({ status, owner: body.must_act.owner }).toEqual({ status: 200, owner: 1_000 });
          }
        const { body } = await crowd.get('/api/v1/health/accounts?limit=200');
        const next = await crowd.get(`/api/v1/health/accounts?limit=200&cursor=${body.next_cursor}`);
        expect(new Set([...body.items, ...next.body.items].map((one) => one.account_id)).size).toBe(400);
      });
      expect(greedy(plans, most)).toEqual([]);
      expect(scans(plans, ['accounts', 'webhook_events', 'messages', 'message_sends', 'sync_runs'])).toEqual([]);
    });

    it('F7: answers the audit log, whatever it is asked for', async () => {
      const [{ operation } = { operation: '' }] = await system<{ operation: string }[]>((em) =>
        runSql(em, 'select operation from audit_entries where operation is not null limit 1'),
      );
      await expectFrugal(async () => {
        const some = new Date(Date.now() - 86_400_000).toISOString();
        for (const query of [
          'limit=50',
          'target=target 77',
          `target=${operation}`,
          'actor=key 7',
          'action=action7',
          `from=${some}`,
          `to=${some}`,
          'target=never',
        ]) {
          const { status } = await crowd.get(`/api/v1/audit?${query}`);
          expect([query, status]).toEqual([query, 200]);
        }
      });
    });

    it('A14: finds the accounts of a bulk operation page by page, and takes their turns one by one', async () => {
      const begun = await crowd.post('/api/v1/bulk-operations', {
        operation: 'label',
        label: 'New',
        filter: { state: 'active' },
      });
      const { id, tenantId } = await system<BulkOperation>((em) =>
        em.findOneOrFail(BulkOperation, { id: begun.body.id }),
      );
      const active = accountConditions({ state: 'active' });
      const inTenant = <T>(work: Parameters<TestApi['context']['db']['system']>[0]): Promise<T> =>
        api.context.db.tenant(tenantId, work) as Promise<T>;
      await expectFrugal(async () => {
        let after: string | null = firstId;
        for (let pages = 0; pages < 3 && after; pages += 1)
          after = await inTenant<string | null>((em) => addItems(em, { id, tenantId }, active, after ?? firstId, 500));
        await system((em) =>
          runSql(em, "update bulk_operations set state = 'running', due_at = now() where id = ?", [id]),
        );
        const run = {
          id,
          tenantId,
          kind: 'label' as const,
          filter: { state: 'active' as const },
          options: { label: 'New' },
        };
        const [first = ''] = await inTenant<string[]>((em) => waitingItems(em, id, 16));
        expect(await takeTurn(api.context, run, first)).toBe(true);
        expect(await inTenant<number>((em) => countAsked(em, id))).toBe(0);
        await inTenant((em) => settleAttempts(em, id, false, new Date()));
        await inTenant((em) => settleSyncs(em, id, new Date()));
        await system((em) => stalledOperations(em, null, firstId, 500));
        await system((em) => expiredExports(em, new Date()));
        for (const path of [
          'bulk-operations?limit=50',
          'bulk-operations?state=running',
          `bulk-operations/${id}`,
          `bulk-operations/${id}/items?limit=50`,
          `bulk-operations/${id}/items?state=done`,
          `bulk-operations/${id}/files?limit=50`,
        ]) {
          const { status } = await crowd.get(`/api/v1/${path}`);
          expect([path, status]).toEqual([path, 200]);
        }
      });
      await crowd.post(`/api/v1/bulk-operations/${id}/cancel`);
    });

    it('has an index for every foreign key, for the day when the row it refers to is deleted', async () => {
      const lacking = await system<{ name: string }[]>((em) =>
        runSql(
          em,
          `select conrelid::regclass || '.' || conname as name from pg_constraint f
         where contype = 'f' and confrelid <> 'tenants'::regclass and connamespace = 'public'::regnamespace and not exists (
           select from pg_index i where i.indrelid = f.conrelid and i.indkey[0] = f.conkey[1]
             and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', (
               select attname from pg_attribute where attrelid = i.indrelid and attnum = f.conkey[1]))))`,
        ),
      );
      expect(lacking.map(({ name }) => name)).toEqual([]);
    });
  },
);

const auditEntries = `
  insert into audit_entries (id, tenant_id, at, kind, via, actor, action, target, operation, outcome, details)
  select gen_random_uuid(), $1::uuid, now() - n * interval '10 seconds', 'write', 'api', 'key ' || n % 50, 'action' || n % 20,
    'target ' || n % 1000, gen_random_uuid(), 'accepted', '{}'
  from generate_series(1, $2::int) n`;

const accountId = (n: number): string => `0b000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
