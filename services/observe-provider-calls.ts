import { ProviderFailure } from '../domain/failures.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Provider, Providers } from '../providers/provider.ts';
import { aroundCalls } from './around-calls.ts';

/**
 * The same providers, each call of theirs counted by verb and outcome: `ok` or the failure's code. Why no answer came is
 * logged here alone: the failure itself may be shown to a tenant.
 */
export function observeProviderCalls(providers: Providers, { providerCalls }: Metrics, log: Log): Providers {
  const observed = (provider: Provider): Provider =>
    aroundCalls(provider, async (verb, answer) => {
      const { name } = provider;
      const count = (outcome: string): void => providerCalls.inc({ provider: name, verb, outcome });
      try {
        const value = await answer;
        count('ok');
        return value;
      } catch (error) {
        count(error instanceof ProviderFailure ? error.code : 'unexpected');
        const { networkCode } = error instanceof ProviderFailure ? error : {};
        if (networkCode) log.info({ provider: name, verb, network_code: networkCode }, 'a provider did not answer');
        throw error;
      }
    });
  return Object.fromEntries(Object.entries(providers).map(([name, provider]) => [name, observed(provider)]));
}
