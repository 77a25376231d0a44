import { ProviderFailure } from '../domain/failures.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Provider, Providers } from '../providers/provider.ts';

/** The groups of a provider's verbs that call it. */
const groups = ['login', 'oauth', 'tokens', 'account', 'contacts', 'messages'] as const;

/** The same providers, each call of theirs counted by verb and outcome: `ok` or the failure's code. */
export function countProviderCalls(providers: Providers, { providerCalls }: Metrics): Providers {
  const counted = (provider: string, [verb, member]: [string, unknown]): [string, unknown] => {
    if (typeof member !== 'function') return [verb, member];
    return [
      verb,
      (...args: unknown[]): unknown => {
        const answer: unknown = member(...args);
        if (!(answer instanceof Promise)) return answer;
        return answer.then(
          (value: unknown) => {
            providerCalls.inc({ provider, verb, outcome: 'ok' });
            return value;
          },
          (error: unknown) => {
            const outcome = error instanceof ProviderFailure ? error.code : 'unexpected';
            providerCalls.inc({ provider, verb, outcome });
            throw error;
          },
        );
      },
    ];
  };
  const countedProvider = (provider: Provider): Provider => {
    const verbs = groups.flatMap((group) => {
      const members = provider[group];
      if (!members) return [];
      return [[group, Object.fromEntries(Object.entries(members).map((one) => counted(provider.name, one)))]];
    });
    return { ...provider, ...Object.fromEntries(verbs) };
  };
  return Object.fromEntries(Object.entries(providers).map(([name, provider]) => [name, countedProvider(provider)]));
}
