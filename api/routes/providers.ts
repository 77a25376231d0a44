import { z } from 'zod';
import { channelNames, methodNames, providerNames, type ProviderName } from '../../domain/channels.ts';
import { credentialsFor, saveCredentials } from '../../db/credentials.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { providerNamed } from '../connection/login-choice.ts';
import type { ApiContext } from '../context.ts';
import { Problem } from '../http/problem.ts';
import { route } from '../http/route.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import { secretHeaders } from '../webhooks/secret-headers.ts';

const tag = 'settings';
const params = z.object({ provider: z.string().describe(`One of ${providerNames.join(', ')}.`) });

const providerAnswer = z
  .object({
    provider: z.enum(providerNames),
    configured: z.boolean(),
    own: z.boolean().describe("False where the installation's credentials are used."),
    webhook_address: z.string().nullable().describe('Where the provider reaches us; registered there by itself.'),
    webhook_header: z.string().nullable().describe('The header that carries the webhook secret.'),
    capabilities: z.object({
      channels: z.partialRecord(z.enum(channelNames), z.object({ methods: z.array(z.enum(methodNames)) })),
      resend: z.boolean(),
      another_way: z.boolean(),
      restore: z.boolean(),
    }),
  })
  .meta({ id: 'Provider' });

/** Settings never leave again; an address of the installation is not the tenant's to see. */
function providerView(
  context: ApiContext,
  name: ProviderName,
  row: ProviderCredentials | null,
): z.input<typeof providerAnswer> {
  const { capabilities } = providerNamed(context, name);
  const own = row !== null && row.tenantId !== null;
  const channels = Object.fromEntries(
    Object.entries(capabilities.channels).map(([channel, { methods }]) => [channel, { methods: [...methods] }]),
  );
  return {
    provider: name,
    configured: row !== null,
    own,
    webhook_address: own ? webhookAddress(context.publicUrl, name, row.webhookToken) : null,
    webhook_header: secretHeaders[name] ?? null,
    capabilities: {
      channels,
      resend: capabilities.resend,
      another_way: capabilities.anotherWay,
      restore: capabilities.restore,
    },
  };
}

function nameOf(context: ApiContext, text: string): ProviderName {
  const name = providerNames.find((one) => one === text);
  if (!name || !context.providers[name]) throw new Problem('not_found', 'There is no such provider.');
  return name;
}

const getProvider = route({
  method: 'get',
  path: '/providers/{provider}',
  summary: 'Read what a provider can do, whether it is configured, and its webhook address',
  tag,
  scope: 'admin',
  params,
  answer: providerAnswer,
  handle: async ({ context, principal, params: { provider } }) => {
    const name = nameOf(context, provider);
    const row = await context.db.tenant(principal.tenantId, (em) => credentialsFor(em, principal.tenantId, name));
    return { body: providerView(context, name, row) };
  },
});

const putProvider = route({
  method: 'put',
  path: '/providers/{provider}',
  summary: "Set the tenant's own credentials at a provider",
  tag,
  scope: 'admin',
  params,
  body: z.record(z.string(), z.string().max(10_000)).describe("The provider's settings; UniPile: dsn, access_token."),
  answer: providerAnswer,
  handle: async ({ context, principal, params: { provider }, body }) => {
    const name = nameOf(context, provider);
    const wrong = providerNamed(context, name).checkSettings(body);
    if (wrong) throw new Problem('invalid_settings', wrong);
    const { vault, clock } = context;
    const row = await context.db.tenant(principal.tenantId, (em) =>
      saveCredentials(em, vault, clock.now(), principal.tenantId, name, body),
    );
    return { body: providerView(context, name, row) };
  },
});

export const providerRoutes = [getProvider, putProvider];
