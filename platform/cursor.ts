import { isId } from './ids.ts';

/** A list's cursor: opaque to callers, and the id of the last row of a page. Ids sort by their time. */
export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url');

/** The id in a cursor; null for what is none. */
export function readCursor(cursor: string): string | null {
  const id = Buffer.from(cursor, 'base64url').toString();
  return isId(id) ? id : null;
}
