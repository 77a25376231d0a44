import { z } from 'zod';
import type { ProviderName } from '../../domain/channels.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import { rows, type Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { SyncRun } from '../../db/entities/events.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { syncAnswer, syncView } from '../views/sync.ts';
import { tag } from './contacts.ts';

const count = z.number().int().min(0);

/** Accounts whose newest run is told. */
const accountsTold = 100;

const getStats = route({
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
    last_sync: time.nullable().describe('When a sync of everybody last succeeded.'),
    last_runs: z
      .array(syncAnswer)
      .describe(`The newest sync of everybody of each account, of ${accountsTold} at most.`),
  }),
  handle: ({ context, principal, query }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = query.account === undefined ? null : (await anyAccount(em, query.account)).id;
      // Merged ones are left out, as by the function `get_wasender_sync_stats` that operators call.
      const [counted] = await rows<Record<CountName, string>>(
        em,
        `select count(*) as total_contacts,
           count(*) filter (where wasender_sync_status = 'synced') as synced_contacts,
           count(*) filter (where wasender_sync_status = 'not_synced') as not_synced_contacts,
           count(*) filter (where coalesce(verified_name, name) is not null) as contacts_with_names,
           count(*) filter (where coalesce(verified_name, name) is null) as contacts_without_names,
           count(*) filter (where profile_image_url is not null) as contacts_with_pictures,
           count(*) filter (where is_business_account) as business_contacts
         from contacts where merged_into is null and account_id = coalesce(?::uuid, account_id)`,
        [account],
      );
      const newest = await rows<{ id: string }>(
        em,
        `select r.id from accounts a cross join lateral (
           select id from sync_runs where account_id = a.id and kind = 'contacts' and scope = '' order by id desc limit 1
         ) r where a.id = coalesce(?::uuid, a.id) order by r.id desc limit ?`,
        [account, accountsTold],
      );
      const runs = await em.find(SyncRun, { id: { $in: newest.map(({ id }) => id) } }, { orderBy: { id: 'desc' } });
      const counts = Object.fromEntries(countNames.map((name) => [name, Number(counted?.[name] ?? 0)]));
      return {
        body: {
          ...(counts as Record<CountName, number>),
          last_sync: await lastSync(em, { account }),
          last_runs: runs.map(syncView(await context.vault.keysOf(em, principal.tenantId))),
        },
      };
    }),
});

const countNames = [
  'total_contacts',
  'synced_contacts',
  'not_synced_contacts',
  'contacts_with_names',
  'contacts_without_names',
  'contacts_with_pictures',
  'business_contacts',
] as const;
type CountName = (typeof countNames)[number];

export const getSyncStatus = route({
  method: 'get',
  path: '/contacts/sync-status',
  summary: 'Say whether contacts can be synced from WASender, and when they last were',
  tag,
  scope: 'read',
  answer: z.object({
    wasender_configured: z.boolean().describe('There are credentials, of the tenant or of the installation.'),
    sync_available: z.boolean().describe('And a connected account.'),
    last_sync: time.nullable().describe('When a sync of everybody last succeeded.'),
  }),
  handle: ({ context, principal }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const configured = (await credentialsFor(em, principal.tenantId, 'wasender')) !== null;
      const account = await em.findOne(Account, { provider: 'wasender', state: 'active', mergedInto: null });
      return {
        body: {
          wasender_configured: configured,
          sync_available: configured && account !== null,
          last_sync: await lastSync(em, { provider: 'wasender' }),
        },
      };
    }),
});

/** When a sync of everybody last succeeded, of any account or of some. */
async function lastSync(em: Em, of: { account?: string | null; provider?: ProviderName }): Promise<string | null> {
  const [last] = await rows<{ at: string | null }>(
    em,
    `select max(r.ended_at)::text as at from accounts a cross join lateral (
       select ended_at from sync_runs
       where account_id = a.id and kind = 'contacts' and scope = '' and state = 'succeeded' order by id desc limit 1
     ) r where a.id = coalesce(?::uuid, a.id) and a.provider = coalesce(?, a.provider)`,
    [of.account ?? null, of.provider ?? null],
  );
  return last?.at ? wireTime(new Date(last.at)) : null;
}

export const contactStatsRoutes = [getStats, getSyncStatus];
