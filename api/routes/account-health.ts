import { z } from 'zod';
import { whoNames } from '../../domain/accounts.ts';
import { channelNames } from '../../domain/channels.ts';
import { troubledStates } from '../../db/queries/health/trouble.ts';
import { accountHealth } from '../../services/health/account-health.ts';
import { fleetHealth } from '../../services/health/fleet-health.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { requireScope } from '../../services/principal.ts';
import { checkProviderName } from '../../services/provider-names.ts';
import { cursorPlace, pageQuery, placeCursor, placeTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { accountHealthAnswer } from '../views/account-health.ts';
import { fleetHealthAnswer } from '../views/fleet-health.ts';
import { guardView } from '../views/guard.ts';
import { providerName } from '../views/provider-name.ts';
import { webhookHealthView } from '../views/webhook-health.ts';
import { accountParams } from './accounts.ts';

const tag = 'health';

const getAccountHealth = route({
  name: 'getAccountHealth',
  method: 'get',
  path: '/accounts/{id}/health',
  summary: 'How an account does: a verdict, who must act, the evidence, and its use by day',
  tag,
  scope: 'read',
  params: accountParams,
  query: z.object({
    days: z.coerce.number().int().min(1).max(31).default(7).describe('Days of use, today among them.'),
  }),
  answer: accountHealthAnswer,
  handle: async ({ context, principal, params, query }) => {
    const { missed, guard, ...health } = await accountHealth(context, principal.tenantId, params.id, query.days);
    return { body: { ...health, webhooks: webhookHealthView(missed), guard: guardView(guard) } };
  },
});

const place = z.strictObject({ since: placeTime, id: z.uuid() });

const getFleetHealth = route({
  name: 'getFleetHealth',
  method: 'get',
  path: '/health/accounts',
  summary: 'How all accounts do, and a list of those in trouble, the longest first',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    scope: z
      .enum(['tenant', 'installation'])
      .default('tenant')
      .describe('installation: the accounts of all tenants; needs the scope operator.'),
    who: z.enum(whoNames).optional().describe('Who must act; without it those that need the owner or the operator.'),
    state: z.enum(troubledStates).optional(),
    provider: providerName.optional(),
    channel: z.enum(channelNames).optional(),
    account: z.string().optional(),
  }),
  answer: fleetHealthAnswer,
  handle: async ({ context, principal, query: { scope, cursor, account, ...asked } }) => {
    if (scope === 'installation') requireScope(principal, 'operator');
    checkProviderName(context, asked.provider);
    const { tenantId } = principal;
    const accountId =
      account === undefined
        ? undefined
        : await context.db.tenant(tenantId, async (em) => (await anyAccount(em, account)).id);
    const { health, next } = await fleetHealth(context, {
      ...asked,
      accountId,
      tenantId: scope === 'installation' ? null : tenantId,
      after: cursorPlace(place, cursor),
    });
    return { body: { ...health, next_cursor: next && placeCursor(next) } };
  },
});

export const accountHealthRoutes = [getAccountHealth, getFleetHealth];
