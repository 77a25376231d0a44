import type { AccountKeys } from '../../domain/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { LoginInput, LoginProgress, ProviderCall } from '../provider.ts';
import { takesFirst } from './login-input.ts';

/** An account that a login can connect. */
export interface Choice<T> {
  id: string;
  label: string;
  of: T;
}

/** A step shows a label, which is at most this long. */
const longestLabel = 120;

export const choiceOf = <T>(id: string, label: string, of: T): Choice<T> => ({
  id,
  label: label.slice(0, longestLabel),
  of,
});

interface Choosing<T> {
  input: Pick<LoginInput, 'credentials'> | undefined;
  choices: readonly Choice<T>[];
  /** Kept until the owner has chosen. */
  keys: AccountKeys;
  groups: readonly string[];
  link(choice: Choice<T>): LoginProgress | Promise<LoginProgress>;
}

/**
 * Connects the account that the login is for: the one that it is a new login of, the only one, or the first where the
 * caller wanted no question. Else the owner chooses. `choices` has one at least.
 */
export async function choose<T>(call: ProviderCall, choosing: Choosing<T>): Promise<LoginProgress> {
  const { input, choices, keys, groups, link } = choosing;
  const [first, second] = choices;
  if (call.providerAccountId) return link(sameAccount(choices, call.providerAccountId));
  if (first && !second) return link(first);
  if (first && takesFirst(input)) return { ...(await link(first)), taken: { label: first.label, of: choices.length } };
  const options = choices.map(({ id, label }) => ({ id, label }));
  return {
    providerAccountId: null,
    keys,
    groups,
    next: {
      linked: false,
      content: { kind: 'choose', options },
      expiresAt: null,
      canResend: false,
      canTryAnotherWay: false,
    },
  };
}

/** The one that the owner chose. Throws `wrong_answer` where it is gone. */
export function chosen<T>(choices: readonly Choice<T>[], answer: string): Choice<T> {
  const found = choices.find(({ id }) => id === answer);
  if (found) return found;
  throw new ProviderFailure('wrong_answer', 'The login no longer has the account that was chosen.');
}

function sameAccount<T>(choices: readonly Choice<T>[], id: string): Choice<T> {
  const found = choices.find((one) => one.id === id);
  if (found) return found;
  throw new ProviderFailure('another_identity', 'The login does not reach the account that is connected again.');
}
