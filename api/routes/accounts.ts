import type { FilterQuery } from '@mikro-orm/core';
import { z } from 'zod';
import { accountStates } from '../../domain/accounts.ts';
import { channelNames, methodNames } from '../../domain/channels.ts';
import { containing } from '../../db/queries/updates/account-conditions.ts';
import { callsPerMinuteOfAccounts } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { connectAccount } from '../../services/connections/connect-account.ts';
import { importAccounts, importOutcomes } from '../../services/accounts/import-accounts.ts';
import { disconnectAccount } from '../../services/connections/disconnect-account.ts';
import { anyAccount, ownAccount } from '../../services/accounts/find-account.ts';
import { checkProviderName } from '../../services/provider-names.ts';
import { attemptAddress } from '../http/addresses.ts';
import { afterCursor, flag, page, pageQuery } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { reference } from '../http/text.ts';
import { inOrder, updatesPage, updatesPageOf, updatesQuery } from '../http/updates.ts';
import { requireScope } from '../../services/principal.ts';
import { forgetBudget } from '../../db/queries/sends/send-queue.ts';
import { releaseQuiet } from '../../db/queries/tenants/sending-stops.ts';
import { guardOf } from '../../services/guard/guard-state.ts';
import { accountAnswer, accountView, rateLimits, rawAccountView, type AccountAnswer } from '../views/account.ts';
import { guardView } from '../views/guard.ts';
import { quietHours } from '../views/hours.ts';
import { webhookHealthView } from '../views/webhook-health.ts';
import { webhookHealth } from '../../db/queries/webhooks/webhook-health.ts';
import { accountAndAttempt, accountAndAttemptView } from '../views/attempt.ts';
import { providerName } from '../views/provider-name.ts';

const tag = 'accounts';
export const accountParams = z.object({ id: z.string().describe('The account.') });
const owner = reference.min(1).max(255).describe("Your own application's reference to the person.");
const label = z.string().max(255).nullable();
/** The longest metadata, in bytes of JSON. */
const metadataBytes = 16_384;
const metadata = z
  .record(z.string(), z.unknown())
  .refine((given) => Buffer.byteLength(JSON.stringify(given)) <= metadataBytes, {
    error: `must be at most ${metadataBytes} bytes of JSON.`,
  })
  .describe(`Stored and returned unchanged; at most ${metadataBytes} bytes of JSON.`);

export const mergeAcrossOwners = z
  .boolean()
  .describe(
    'Where the identity is connected for another owner: merge the login into that account. By default the attempt fails with another_owner.',
  );

/** The input of a login, by the provider's own option names, such as `username`, `proxy` or `country`. */
export const credentialsBody = z.record(z.string(), z.unknown());

const loginLimit = z.number().int().min(0).max(10_000).nullable();
const ownLimits = rateLimits
  .extend({ spacing_seconds: z.number().min(0).max(86_400).nullable() })
  .partial()
  .nullable()
  .describe(
    'How much the account may send, in place of the usual limits; null: the usual ones. Needs the scope admin.',
  );

const ownLoginLimits = z
  .object({ per_hour: loginLimit, per_day: loginLimit })
  .partial()
  .nullable()
  .describe('How often it may log in, in place of the usual limits; null: the usual ones. Needs the scope admin.');

const importedAnswer = z
  .object({
    provider_account_id: z.string(),
    channel: z.string().nullable(),
    name: z.string().nullable(),
    outcome: z.enum(importOutcomes),
    account_id: z.string().nullable().describe('The account here, where it is yours.'),
  })
  .meta({ id: 'ImportedAccount' });

const returnUrl = z.url({ protocol: /^https?$/ }).max(2_000);
export const redirectsBody = z
  .object({ success: returnUrl.optional(), failure: returnUrl.optional() })
  .describe("Where the owner's browser goes after a login on the provider's page.");

export const createAccount = route({
  name: 'connectAccount',
  method: 'post',
  path: '/accounts',
  summary: 'Connect an account: answers the first step of the login',
  tag,
  scope: 'write',
  idempotent: true,
  body: z.object({
    provider: providerName,
    channel: z.enum(channelNames),
    owner,
    method: z.enum(methodNames).optional().describe("The channel's first method unless given."),
    credentials: credentialsBody.optional(),
    redirects: redirectsBody.optional(),
    label: label.optional(),
    metadata: metadata.optional(),
    merge_across_owners: mergeAcrossOwners.optional(),
  }),
  example: { provider: 'unipile', channel: 'whatsapp', owner: 'maya' },
  answer: accountAndAttempt,
  status: 202,
  watch: ({ account }) => attemptAddress(account.id),
  handle: async (call) => {
    checkProviderName(call.context, call.body.provider);
    return { body: await accountAndAttemptView(call.context, call.principal, await connectAccount(call, call.body)) };
  },
});

export const listAccounts = route({
  name: 'listAccounts',
  method: 'get',
  path: '/accounts',
  summary: 'List accounts, without those that were merged into another',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    ...updatesQuery,
    account: z.string().optional(),
    owner: reference.optional(),
    channel: z.enum(channelNames).optional(),
    provider: providerName.optional(),
    state: z.enum(accountStates).optional(),
    label: z.string().max(255).optional(),
    q: z.string().min(1).max(200).optional().describe('Text within label, owner or identity.'),
    failed: flag.describe('Whether it is a first login that failed: false leaves these out, true lists only these.'),
  }),
  answer: updatesPageOf(accountAnswer),
  handle: async ({
    context,
    principal,
    query: { limit, cursor, updated_since: since, account, failed, q, ...filter },
  }) => {
    checkProviderName(context, filter.provider);
    const show = async (em: Em, found: readonly Account[]): Promise<AccountAnswer[]> => {
      const calls = await callsPerMinuteOfAccounts(em, found);
      return found.map((one) => accountView(one, context.clock.now(), calls));
    };
    if (since !== undefined) {
      const wanted = async (em: Em) => ({
        ...filter,
        failed,
        q,
        account: account === undefined ? undefined : (await anyAccount(em, account)).id,
      });
      const asked = { table: 'accounts', since, limit, cursor, filter: wanted } as const;
      return {
        body: await updatesPage({ context, principal }, asked, async (em, ids) =>
          show(em, inOrder(await em.find(Account, { id: { $in: [...ids] } }), ids)),
        ),
      };
    }
    return context.db.tenant(principal.tenantId, async (em) => {
      const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
      const where: FilterQuery<Account>[] = [{ mergedInto: null, ...given }, afterCursor(cursor)];
      if (account !== undefined) where.push({ id: (await anyAccount(em, account)).id });
      if (q !== undefined) {
        const some = { $ilike: containing(q) };
        where.push({ $or: [{ label: some }, { owner: some }, { identity: some }] });
      }
      if (failed !== undefined) where.push({ state: failed ? 'failed' : { $ne: 'failed' } });
      const found = await em.find(Account, { $and: where }, { orderBy: { id: 'asc' }, limit: limit + 1 });
      const { items, next_cursor } = page(found, limit, (one) => one);
      return { body: { items: await show(em, items), next_cursor } };
    });
  },
});

export const getAccount = route({
  name: 'getAccount',
  method: 'get',
  path: '/accounts/{id}',
  summary: 'Read an account; with the scope raw, with the raw answer of the provider',
  tag,
  scope: 'read',
  params: accountParams,
  answer: accountAnswer,
  handle: ({ context, principal, params }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = await anyAccount(em, params.id);
      const now = context.clock.now();
      const webhooks = webhookHealthView(await webhookHealth(em, account.id));
      const calls = await callsPerMinuteOfAccounts(em, [account]);
      const guard = guardView(await guardOf(em, account, now));
      if (!principal.scopes.includes('raw')) return { body: { ...accountView(account, now, calls), guard, webhooks } };
      const keys = await context.vault.keysOf(em, principal.tenantId);
      return { body: { ...rawAccountView(keys, account, now, calls), guard, webhooks } };
    }),
});

const patchAccount = route({
  name: 'updateAccount',
  method: 'patch',
  path: '/accounts/{id}',
  summary: 'Change label, metadata, owner, limits or quiet hours of an account',
  tag,
  scope: 'write',
  params: accountParams,
  body: z.object({
    label: label.optional(),
    metadata: metadata.optional(),
    owner: owner.optional(),
    rate_limits: ownLimits.optional(),
    login_limits: ownLoginLimits.optional(),
    quiet_hours: z
      .union([quietHours, z.literal('none')])
      .nullable()
      .optional()
      .describe("Hours in which it sends nothing; none: no hours; null: the tenant's. Needs the scope admin."),
  }),
  example: { label: 'Sales phone' },
  answer: accountAnswer,
  handle: ({ context, principal, params, body }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = await ownAccount(em, params.id, true);
      if (body.label !== undefined) account.label = body.label;
      if (body.metadata !== undefined) account.metadata = body.metadata;
      if (body.owner !== undefined) account.owner = body.owner;
      if (body.rate_limits !== undefined) {
        requireScope(principal, 'admin');
        account.sendLimits = body.rate_limits;
        await em.flush();
        await forgetBudget(em, account.id);
      }
      if (body.login_limits !== undefined) {
        requireScope(principal, 'admin');
        account.loginLimits = body.login_limits;
      }
      if (body.quiet_hours !== undefined) {
        requireScope(principal, 'admin');
        account.quietHours = body.quiet_hours && { hours: body.quiet_hours === 'none' ? null : body.quiet_hours };
        await em.flush();
        await releaseQuiet(em, account.tenantId, account.id);
      }
      account.updatedAt = context.clock.now();
      const calls = await callsPerMinuteOfAccounts(em, [account]);
      return { body: accountView(account, context.clock.now(), calls) };
    }),
});

export const deleteAccount = route({
  name: 'disconnectAccount',
  method: 'delete',
  path: '/accounts/{id}',
  summary:
    'Disconnect an account: revoked at the provider, secrets destroyed, history kept unless purged; 200 where a first login that failed was purged: it is deleted',
  tag,
  scope: 'write',
  params: accountParams,
  query: z.object({ purge: flag.describe('Also delete what was learned of the account.') }),
  answer: accountAndAttempt,
  status: 202,
  doneStatus: 200,
  watch: ({ account }) => attemptAddress(account.id),
  handle: async (call) => {
    const { context, principal, params, query } = call;
    const begun = await disconnectAccount(call, params.id, query.purge ?? false);
    return { status: begun.deleted ? 200 : 202, body: await accountAndAttemptView(context, principal, begun) };
  },
});

const importRoute = route({
  name: 'importAccounts',
  method: 'post',
  path: '/accounts/import',
  summary: 'Import accounts that already exist at the provider; nothing is changed there',
  tag,
  scope: 'admin',
  idempotent: true,
  body: z.object({
    provider: providerName,
    owner: owner.default('unassigned'),
    provider_account_ids: z
      .array(z.string().min(1).max(255))
      .max(10_000)
      .optional()
      .describe('Only these; without it every account at the provider.'),
    dry_run: z.boolean().default(false).describe('Answer what would be imported, and change nothing.'),
  }),
  example: { provider: 'unipile', dry_run: true },
  answer: z.object({ items: z.array(importedAnswer) }),
  status: 202,
  watch: () => '/api/v1/accounts',
  handle: async ({ context, principal, body }) => {
    checkProviderName(context, body.provider);
    return { body: { items: await importAccounts(context, principal, body) } };
  },
});

export const accountRoutes = [createAccount, importRoute, listAccounts, getAccount, patchAccount, deleteAccount];
