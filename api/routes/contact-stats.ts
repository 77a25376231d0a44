import { z } from 'zod';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { Account } from '../../db/entities/accounts.ts';
import { countContacts } from '../../db/queries/contacts/count-contacts.ts';
import { lastContactsSync, newestContactsRuns } from '../../db/queries/syncs/newest-runs.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { withContacts } from '../../services/provider-names.ts';
import { time, wireTimeOrNull } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { syncAnswer, syncView } from '../views/sync.ts';
import { tag } from './contacts.ts';

const count = z.number().int().min(0);

/** Accounts whose newest run is shown. */
const runsShown = 100;

const getStats = route({
  name: 'getContactStats',
  method: 'get',
  path: '/contacts/stats',
  summary: 'Count contacts, and say how their last syncs went',
  tag,
  scope: 'read',
  query: z.object({ account: z.string().optional() }),
  answer: z.object({
    total_contacts: count,
    synced_contacts: count,
    not_synced_contacts: count,
    contacts_with_names: count.describe('With a verified, saved or push name.'),
    contacts_without_names: count,
    contacts_with_pictures: count,
    business_contacts: count,
    last_sync: time.nullable().describe('When a sync of a whole address book last succeeded.'),
    last_runs: z.array(syncAnswer).describe(`The newest whole sync of each account, of ${runsShown} at most.`),
  }),
  handle: ({ context, principal, query }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = query.account === undefined ? null : (await anyAccount(em, query.account)).id;
      const runs = await newestContactsRuns(em, account, runsShown);
      return {
        body: {
          ...(await countContacts(em, account)),
          last_sync: wireTimeOrNull(await lastContactsSync(em, account)),
          last_runs: runs.map(syncView(await context.vault.keysOf(em, principal.tenantId), context.clock.now())),
        },
      };
    }),
});

export const getSyncStatus = route({
  name: 'getContactSyncStatus',
  method: 'get',
  path: '/contacts/sync-status',
  summary: 'Say whether contacts can be synced, and when they last were',
  tag,
  scope: 'read',
  answer: z.object({
    wasender_configured: z.boolean().describe('There are credentials, of the tenant or of the installation.'),
    sync_available: z.boolean().describe('And a connected account.'),
    last_sync: time.nullable().describe('When a sync of a whole address book last succeeded.'),
  }),
  handle: ({ context, principal }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const provider = withContacts(context.providers);
      const of = { provider, $or: [{ tenantId: principal.tenantId }, { tenantId: null }] };
      const configured = (await em.count(ProviderCredentials, of)) > 0;
      const account = await em.findOne(Account, { provider, state: 'active', mergedInto: null });
      return {
        body: {
          wasender_configured: configured,
          sync_available: configured && account !== null,
          last_sync: wireTimeOrNull(await lastContactsSync(em, null)),
        },
      };
    }),
});

export const contactStatsRoutes = [getStats, getSyncStatus];
