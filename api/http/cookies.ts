import type { IncomingMessage } from 'node:http';

/** The value of a cookie that a request carries; undefined where it carries none of this name. Values are not decoded. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = headers.cookie?.split(';') ?? [];
  const found = pairs.find((pair) => pair.trim().startsWith(`${name}=`));
  return found?.trim().slice(name.length + 1);
}
