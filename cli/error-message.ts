import { ProviderFailure } from '../domain/failures.ts';
import { Problem } from '../services/problem.ts';

/** Errors of the network and of PostgreSQL, in words. */
const words: Record<string, string> = {
  ECONNREFUSED: 'nothing answers there; is it running?',
  ENOTFOUND: 'there is no such host',
  ETIMEDOUT: 'no answer in time',
  '28P01': 'PostgreSQL refused the password in DATABASE_URL',
  '3D000': 'the database in DATABASE_URL does not exist',
  '42P01': 'the schema lacks a table: bring it up to date with patchbay migrate',
  '42703': 'the schema lacks a column: bring it up to date with patchbay migrate',
};

/**
 * One line that says what went wrong. Of a database error only what PostgreSQL itself said: an ORM's message quotes the
 * statement with its values.
 */
export function errorMessage(error: unknown): string {
  if (error instanceof Problem) return `${error.message} ${error.fix}`;
  if (error instanceof ProviderFailure)
    return error.networkCode ? `${error.message} (${error.networkCode})` : error.message;
  const chain = causes(error);
  const code = chain.map(codeOf).find((one) => one !== undefined && Object.hasOwn(words, one));
  const deepest = chain.findLast(({ message }) => message !== '');
  const said = (deepest?.message ?? String(error)).split('\n')[0] ?? '';
  return code ? `${said}: ${words[code]}` : said;
}

const codeOf = (error: Error): string | undefined => {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
};

/** The error and its causes; of several at once (one host, several addresses) the first. */
function causes(error: unknown): Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && !found.includes(one);) {
    found.push(one);
    one = one instanceof AggregateError ? (one.errors[0] as unknown) : one.cause;
  }
  return found;
}
