import type { Provider } from '../providers/provider.ts';

/** The groups of a provider's verbs that call it. */
const groups = ['login', 'oauth', 'tokens', 'account', 'contacts', 'messages', 'media'] as const;

/**
 * The same provider, with `around` called for every verb's call: with the verb's name and its answer to come. A verb that
 * answers at once makes no call.
 */
export function aroundCalls(
  provider: Provider,
  around: (verb: string, answer: Promise<unknown>) => Promise<unknown>,
): Provider {
  const wrapped = ([verb, member]: [string, unknown]): [string, unknown] => {
    if (typeof member !== 'function') return [verb, member];
    return [
      verb,
      (...args: unknown[]): unknown => {
        const answer: unknown = member(...args);
        return answer instanceof Promise ? around(verb, answer) : answer;
      },
    ];
  };
  const verbs = groups.flatMap((group) => {
    const members = provider[group];
    return members ? [[group, Object.fromEntries(Object.entries(members).map(wrapped))]] : [];
  });
  return { ...provider, ...Object.fromEntries(verbs) };
}
