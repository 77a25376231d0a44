import { ProviderFailure } from '../domain/failures.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Provider } from '../providers/provider.ts';

type Verb = (...args: never[]) => Promise<unknown>;

/** The same providers, each call of theirs counted by verb and outcome: `ok` or the failure's code. */
export function countProviderCalls<Names extends string>(
  providers: Partial<Record<Names, Provider>>,
  { providerCalls }: Metrics,
): Partial<Record<Names, Provider>> {
  const counted = <T extends object>(provider: string, verbs: T): T =>
    Object.fromEntries(
      Object.entries(verbs as Record<string, Verb>).map(([verb, call]) => [
        verb,
        async (...args: never[]) => {
          try {
            const answer = await call(...args);
            providerCalls.inc({ provider, verb, outcome: 'ok' });
            return answer;
          } catch (error) {
            const outcome = error instanceof ProviderFailure ? error.code : 'unexpected';
            providerCalls.inc({ provider, verb, outcome });
            throw error;
          }
        },
      ]),
    ) as T;
  const entries = Object.entries(providers) as [Names, Provider][];
  return Object.fromEntries(
    entries.map(([name, provider]) => [
      name,
      {
        ...provider,
        login: counted(name, provider.login),
        account: counted(name, provider.account),
        ...(provider.contacts ? { contacts: counted(name, provider.contacts) } : {}),
      },
    ]),
  ) as Partial<Record<Names, Provider>>;
}
