import { invalidParameter, MetaError } from '../errors.ts';
import type { State } from '../state.ts';
import type { Call } from './call.ts';

export interface PageRequest {
  limit?: string | undefined;
  after?: string | undefined;
  before?: string | undefined;
}

/** An edge's answer. `code`: of the error for a cursor whose item is gone. */
interface Edge<T> {
  items: readonly T[];
  idOf(item: T): string;
  view(item: T): unknown;
  deadCursor?: number;
}

/** A page of an edge with cursors and absolute addresses, which carry the call's token and parameters. */
export function pageOf<T>(state: State, call: Call, edge: Edge<T>): object {
  const { params } = call;
  const asked = { limit: params.text('limit'), after: params.text('after'), before: params.text('before') };
  const address = (cursor: 'after' | 'before', value: string): string => {
    const query = new URLSearchParams();
    for (const [name, one] of Object.entries(params.all)) {
      if (name !== 'after' && name !== 'before') query.set(name, typeof one === 'string' ? one : JSON.stringify(one));
    }
    if (call.token) query.set('access_token', call.token.value);
    query.set(cursor, value);
    return `${call.url}?${query.toString()}`;
  };
  return cut(state, asked, edge, address);
}

/** The same within `fields`, where the address is of the edge itself. */
export function nestedPage<T>(state: State, asked: PageRequest, edge: Edge<T>, address: string): object {
  const link = (cursor: string, value: string): string => {
    const query = new URLSearchParams({ ...(asked.limit !== undefined && { limit: asked.limit }), [cursor]: value });
    return `${address}${address.includes('?') ? '&' : '?'}${query.toString()}`;
  };
  return cut(state, asked, edge, link);
}

function cut<T>(
  state: State,
  asked: PageRequest,
  { items, idOf, view, deadCursor }: Edge<T>,
  address: (cursor: 'after' | 'before', value: string) => string,
): object {
  const limit = limitOf(state, asked.limit);
  const positionOf = (cursor: string): number => {
    const id = Buffer.from(cursor, 'base64url').toString('utf8');
    const at = items.findIndex((item) => idOf(item) === id);
    if (at < 0)
      throw deadCursor === undefined ? invalidParameter('Invalid cursors values') : deadCursorError(deadCursor);
    return at;
  };
  let start = 0;
  if (asked.after !== undefined) start = positionOf(asked.after) + 1;
  else if (asked.before !== undefined) start = Math.max(0, positionOf(asked.before) - limit);
  const end = asked.before === undefined || asked.after !== undefined ? start + limit : positionOf(asked.before);
  const shown = items.slice(start, end);
  const [first] = shown;
  const last = shown.at(-1);
  if (first === undefined || last === undefined) return { data: [] };
  const cursors = { before: cursorOf(idOf(first)), after: cursorOf(idOf(last)) };
  return {
    data: shown.map(view),
    paging: {
      cursors,
      ...(end < items.length && { next: address('after', cursors.after) }),
      ...(start > 0 && { previous: address('before', cursors.before) }),
    },
  };
}

const cursorOf = (id: string): string => Buffer.from(id, 'utf8').toString('base64url');

const deadCursorError = (code: number): MetaError =>
  new MetaError(code, `(#${code}) The cursor is no longer valid`, { details: 'Start again without a cursor.' });

function limitOf(state: State, text: string | undefined): number {
  const { page_size, largest_page } = state.variants.values;
  if (text === undefined) return page_size;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw invalidParameter('Param limit must be a positive number');
  return Math.min(limit, largest_page);
}
