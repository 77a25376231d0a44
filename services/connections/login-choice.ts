import type { Channel, Method, ProviderName } from '../../domain/channels.ts';
import { failureRow } from '../../domain/failures.ts';
import type { Em } from '../../db/connect.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';

/** The provider, or 422 with those that are there. */
export function providerNamed({ providers }: Context, name: ProviderName): Provider {
  const provider = providers[name];
  if (!provider)
    throw new Problem('unsupported', `The provider "${name}" is not available.`, {
      fix: `Use one of: ${Object.keys(providers).join(', ')}.`,
    });
  return provider;
}

/** The way a login begins: the one asked for, else the channel's first; 422 with what is supported. */
export function methodFor(provider: Provider, channel: Channel, asked: Method | undefined): Method {
  const { channels } = provider.capabilities;
  const methods = channels[channel]?.methods ?? [];
  const [first] = methods;
  if (!first)
    throw new Problem('unsupported', `${provider.name} does not connect ${channel}.`, {
      fix: `Use one of the channels: ${Object.keys(channels).join(', ')}.`,
    });
  if (asked && !methods.includes(asked))
    throw new Problem('unsupported', `${provider.name} does not connect ${channel} by the method "${asked}".`, {
      fix: `Use one of the methods: ${methods.join(', ')}.`,
    });
  return asked ?? first;
}

/** 422 with what is wrong with a login's input, before anybody is asked. */
export function validateLogin(
  provider: Provider,
  channel: Channel,
  method: Method,
  credentials: Record<string, unknown>,
): void {
  const wrong = provider.validateLoginInput(channel, { method, credentials });
  if (wrong) throw new Problem('invalid_credentials_shape', wrong);
}

/** The tenant's credentials at the provider, else the installation's; 503 when there are none. */
export async function credentialsOrProblem(em: Em, tenantId: string, provider: string): Promise<ProviderCredentials> {
  const credentials = await credentialsFor(em, tenantId, provider);
  if (!credentials)
    throw new Problem('provider_not_configured', undefined, {
      fix: failureRow('provider_not_configured').whatToDo,
      retryAfter: 60,
    });
  return credentials;
}
