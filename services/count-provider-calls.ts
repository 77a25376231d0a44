import { ProviderFailure } from '../domain/failures.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Provider, Providers } from '../providers/provider.ts';
import { aroundCalls } from './around-calls.ts';

/** The same providers, each call of theirs counted by verb and outcome: `ok` or the failure's code. */
export function countProviderCalls(providers: Providers, { providerCalls }: Metrics): Providers {
  const counted = (provider: Provider): Provider =>
    aroundCalls(provider, async (verb, answer) => {
      const count = (outcome: string): void => providerCalls.inc({ provider: provider.name, verb, outcome });
      try {
        const value = await answer;
        count('ok');
        return value;
      } catch (error) {
        count(error instanceof ProviderFailure ? error.code : 'unexpected');
        throw error;
      }
    });
  return Object.fromEntries(Object.entries(providers).map(([name, provider]) => [name, counted(provider)]));
}
