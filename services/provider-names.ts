import type { Channel, ProviderName } from '../domain/channels.ts';
import type { Provider, Providers } from '../providers/provider.ts';
import type { Context } from './context.ts';
import { Problem } from './problem.ts';

/** Every name that a request may give, in the order in which they are documented. */
export const providerNames = (providers: Providers): ProviderName[] => Object.keys(providers);

/** 422 for a name that is none of them. */
export function checkProviderName({ providers }: Context, name: ProviderName | undefined): void {
  const names = providerNames(providers);
  if (name !== undefined && !names.includes(name))
    throw new Problem('invalid_request', `provider: must be one of ${names.join(', ')}`);
}

/** Whether a provider keeps the history of conversations on a channel. */
export const keepsHistory = (provider: Provider | undefined, channel: Channel): boolean =>
  provider?.conversations?.messages !== undefined &&
  (provider.conversations.history === undefined || provider.conversations.history.includes(channel));

/** Providers that keep the history of conversations, on some of their channels at least. */
export const withHistory = (providers: Partial<Providers>): ProviderName[] =>
  Object.values(providers).flatMap((provider) => (provider?.conversations?.messages ? [provider.name] : []));

/** Providers that have address books. */
export const withContacts = (providers: Partial<Providers>): ProviderName[] =>
  Object.values(providers).flatMap((provider) => (provider?.contacts ? [provider.name] : []));
