import { LockMode } from '@mikro-orm/core';
import { z } from 'zod';
import { channelNames, methodNames, type Channel, type Method } from '../../domain/channels.ts';
import { isCount, type ProviderSetting } from '../../domain/provider-settings.ts';
import { credentialsFor, rotateWebhookSecret, saveCredentials } from '../../db/queries/tenants/credentials.ts';
import type { Em } from '../../db/connect.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Context } from '../../services/context.ts';
import { requireScope } from '../../services/principal.ts';
import { requestMaintenance } from '../../services/maintenance/request-maintenance.ts';
import { Problem } from '../../services/problem.ts';
import { isPublicHost, readAddress } from '../../domain/public-address.ts';
import { reachOf } from '../../services/provider-reach.ts';
import { unknownName } from '../http/nearest-name.ts';
import { route, type Route } from '../http/route.ts';
import { invalid } from '../http/validate.ts';
import { userRequestAddresses, webhookAddress } from '../../domain/addresses.ts';
import { providerNames } from '../../services/provider-names.ts';
import type { Provider, Providers } from '../../providers/provider.ts';
import { messageCapabilitiesAnswer, messageCapabilitiesView } from '../views/message-capabilities.ts';
import { providerName } from '../views/provider-name.ts';

const tag = 'settings';

const providerAnswer = z
  .object({
    provider: providerName,
    configured: z.boolean(),
    own: z.boolean().describe("False where the installation's credentials are used."),
    webhook_address: z.string().nullable().describe('Where the provider reaches us; registered there by itself.'),
    callback_addresses: z
      .object({ deauthorize: z.string(), data_deletion: z.string() })
      .nullable()
      .describe(
        "Where the provider posts what its users ask of their data; null where it does not, or they are the installation's.",
      ),
    webhook_header: z.string().nullable().describe('The header that carries the webhook secret.'),
    capabilities: z.object({
      channels: z.partialRecord(
        z.enum(channelNames),
        z.object({
          methods: z.array(z.enum(methodNames)).describe('The first is the default.'),
          credentials: z
            .partialRecord(z.enum(methodNames), z.record(z.string(), z.unknown()))
            .describe('By method, the JSON schema of what POST /accounts takes as credentials.'),
          messages: messageCapabilitiesAnswer.nullable().describe('What can be sent; null: nothing.'),
        }),
      ),
      resend: z.boolean(),
      another_way: z.boolean(),
      restore: z.boolean(),
    }),
  })
  .meta({ id: 'Provider' });

/** What a login takes, as JSON schema. */
const credentialsOf = ({ credentialsSchema }: Provider, channel: Channel, method: Method): Record<string, unknown> =>
  z.toJSONSchema(credentialsSchema?.(channel, method) ?? z.strictObject({}), { io: 'input' });

const messagesOf = ({ messages }: Provider, channel: Channel): z.input<typeof messageCapabilitiesAnswer> | null => {
  const capabilities = messages?.capabilities[channel];
  return capabilities ? messageCapabilitiesView(capabilities) : null;
};

/** Settings never leave again; an address of the installation is not the tenant's to see. */
function providerView(
  context: Context,
  provider: Provider,
  row: ProviderCredentials | null,
): z.input<typeof providerAnswer> {
  const { name, capabilities, login, webhooks, callbacks } = provider;
  const own = row !== null && row.tenantId !== null;
  const channels = Object.fromEntries(
    (Object.entries(capabilities.channels) as [Channel, { methods: readonly Method[] }][]).map(
      ([channel, { methods }]) => [
        channel,
        {
          methods: [...methods],
          credentials: Object.fromEntries(methods.map((method) => [method, credentialsOf(provider, channel, method)])),
          messages: messagesOf(provider, channel),
        },
      ],
    ),
  );
  return {
    provider: name,
    configured: row !== null,
    own,
    webhook_address: own ? webhookAddress(context.publicUrl, name, row.webhookToken) : null,
    callback_addresses: own && callbacks ? userRequestAddresses(context.publicUrl, name, row.webhookToken) : null,
    webhook_header: webhooks.header,
    capabilities: {
      channels,
      resend: login.resend !== undefined,
      another_way: login.anotherWay !== undefined,
      restore: login.restore !== undefined,
    },
  };
}

function providerAt({ providers }: Context, name: string): Provider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (!provider) throw new Problem('not_found', 'There is no such provider.');
  return provider;
}

/**
 * In production no tenant sends this process to addresses of its own machine or network. What a name resolves to is checked
 * at each connection.
 */
function refuseInside({ config }: Context, { settings }: Provider, given: Record<string, string>): void {
  if (reachOf(config, 'tenant') === 'any') return;
  for (const [name, { kind }] of Object.entries(settings)) {
    const value = given[name];
    if (kind === 'text' || kind === 'count' || value === undefined) continue;
    const url = readAddress(value, kind);
    if (url?.protocol !== 'https:' || !isPublicHost(url.hostname))
      throw invalid([{ field: name, message: 'must be an https address outside this network.' }], 'invalid_settings');
  }
}

/** 422 for a setting that the provider does not have, and for one that is missing or malformed. */
function checkSettings(provider: Provider, given: Record<string, string>): void {
  const known = Object.keys(provider.settings);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length) {
    const errors = unknown.map((field) => ({ field, message: unknownName(field, known) }));
    throw invalid(errors, 'invalid_settings');
  }
  const miscounted = known.filter(
    (name) => provider.settings[name]?.kind === 'count' && given[name] !== undefined && !isCount(given[name]),
  );
  if (miscounted.length) {
    const errors = miscounted.map((field) => ({ field, message: 'must be a whole number from 1 to 9999999.' }));
    throw invalid(errors, 'invalid_settings');
  }
  const wrong = provider.checkSettings(given);
  if (!wrong) return;
  const field = known.find((name) => wrong.startsWith(name));
  throw new Problem('invalid_settings', wrong, field ? { errors: [{ field, message: wrong }] } : {});
}

/** What each provider's settings are called, and what they are. */
const settingsOf = (providers: Providers): string =>
  Object.values(providers)
    .map(({ title, settings }) => `${title}: ${Object.entries(settings).map(describedSetting).join(', ')}`)
    .join('; ');

const describedSetting = ([name, { required, description }]: [string, ProviderSetting]): string =>
  `${name} (${required ? '' : 'optional: '}${description})`;

/** The routes of providers' settings, described for those that there are. */
export function providerRoutes(providers: Providers): Route[] {
  const params = z.object({ provider: z.string().describe(`One of ${providerNames(providers).join(', ')}.`) });

  const getProvider = route({
    name: 'getProvider',
    method: 'get',
    path: '/providers/{provider}',
    summary: 'Read what a provider can do, whether it is configured, and its webhook address',
    tag,
    scope: 'admin',
    params,
    answer: providerAnswer,
    handle: async ({ context, principal, params }) => {
      const provider = providerAt(context, params.provider);
      const row = await context.db.tenant(principal.tenantId, (em) =>
        credentialsFor(em, principal.tenantId, provider.name),
      );
      return { body: providerView(context, provider, row) };
    },
  });

  const listProviders = route({
    name: 'listProviders',
    method: 'get',
    path: '/providers',
    summary: 'List the providers: what each can do, and what its logins take',
    tag,
    scope: 'read',
    answer: z.object({ items: z.array(providerAnswer), next_cursor: z.null() }),
    handle: ({ context, principal }) =>
      context.db.tenant(principal.tenantId, async (em) => {
        const items = [];
        for (const provider of Object.values(context.providers)) {
          const row = await credentialsFor(em, principal.tenantId, provider.name);
          const view = providerView(context, provider, row);
          // Its token is a credential of admins.
          items.push(
            principal.scopes.includes('admin') ? view : { ...view, webhook_address: null, callback_addresses: null },
          );
        }
        return { body: { items, next_cursor: null } };
      }),
  });

  const putProvider = route({
    name: 'setProviderCredentials',
    method: 'put',
    path: '/providers/{provider}',
    summary: "Set the tenant's own credentials at a provider",
    tag,
    scope: 'admin',
    params,
    body: z.record(z.string(), z.string().max(10_000)).describe(`The provider's settings; ${settingsOf(providers)}.`),
    example: { dsn: 'api1.unipile.com:13111', access_token: 'an access token' },
    answer: providerAnswer,
    handle: async ({ context, principal, params, body }) => {
      const provider = providerAt(context, params.provider);
      checkSettings(provider, body);
      refuseInside(context, provider, body);
      const { vault, clock } = context;
      const row = await context.db.tenant(principal.tenantId, (em) =>
        saveCredentials(em, vault, clock.now(), principal.tenantId, provider.name, body),
      );
      return { body: providerView(context, provider, row) };
    },
  });

  const rotateSecret = route({
    name: 'rotateWebhookSecret',
    method: 'post',
    path: '/providers/{provider}/rotate-webhook-secret',
    summary:
      'Make a new webhook secret; the one before counts until the next time, and the new one is registered by itself',
    tag,
    scope: 'admin',
    idempotent: true,
    params,
    answer: providerAnswer,
    status: 202,
    watch: ({ provider }) => `/api/v1/providers/${provider}`,
    handle: async ({ context, principal, params }) => {
      const provider = providerAt(context, params.provider);
      const { vault, clock, db } = context;
      const found = await db.tenant(principal.tenantId, (em) => credentialsFor(em, principal.tenantId, provider.name));
      if (!found) throw new Problem('provider_not_configured', undefined, { retryAfter: 60 });
      if (found.tenantId === null) requireScope(principal, 'operator');
      const rotate = async (em: Em): Promise<ProviderCredentials> => {
        const row = await em.findOneOrFail(
          ProviderCredentials,
          { id: found.id },
          { lockMode: LockMode.PESSIMISTIC_WRITE },
        );
        await rotateWebhookSecret(em, vault, row, clock.now());
        return row;
      };
      // The installation's own row is no tenant's to write.
      const row = await (found.tenantId === null ? db.system(rotate) : db.tenant(principal.tenantId, rotate));
      // It registers the new secret.
      await requestMaintenance(context);
      return { body: providerView(context, provider, row) };
    },
  });

  return [listProviders, getProvider, putProvider, rotateSecret];
}
