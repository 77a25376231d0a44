import type { Request, Response } from 'express';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { answer } from './api.ts';
import { parseBody } from './settings.ts';
import type { State } from './state.ts';
import { renameFields } from './webhooks.ts';

interface List {
  total: number;
  at(place: number): object;
  /** An entry's key, where the list is an object. */
  nameOf(entry: object): string;
}

const pageQuery = z.looseObject({
  paginated: z.enum(['true', '1', 'false', '0']).default('false'),
  page: z.coerce.number().int().min(1).default(1),
  limit: z.coerce.number().int().min(1).default(20),
});
const CHUNK = 500;

/** All at once, or a page where one is requested. */
export async function answerList(state: State, req: Request, res: Response, list: List): Promise<void> {
  const { paginated, page, limit: asked } = parseBody(pageQuery, req.query);
  const { paged_shape: shape, max_page_limit } = state.variants.values;
  if (paginated === 'false' || paginated === '0' || shape === 'ignored') return streamAll(state, res, list);
  const limit = Math.min(asked, max_page_limit);
  const path = `${state.origin}${req.path}`;
  if (shape === 'laravel') return answer(res, laravel({ page, perPage: limit, path, ...list }));
  const from = (page - 1) * limit;
  const items = Array.from({ length: Math.max(0, Math.min(limit, list.total - from)) }, (_, n) => list.at(from + n));
  if (shape === 'array') return answer(res, items);
  answer(res, { items, pagination: pagination(state, list.total, page, limit) });
}

/** Only `totalPages` is known of the real service. */
function pagination(state: State, total: number, page: number, limit: number): object {
  const totalPages = Math.ceil(total / limit);
  if (state.variants.values.pagination_keys === 'confirmed') return { totalPages };
  return { page, limit, total, totalPages, hasNext: page < totalPages };
}

/** Streamed: the list is never in memory as a whole. */
async function streamAll(state: State, res: Response, list: List): Promise<void> {
  const { unpaged_shape: shape, field_case } = state.variants.values;
  const [open, close] = { array: ['[', ']'], items: ['{"items":[', ']}'], object: ['{', '}'] }[shape] as [
    string,
    string,
  ];
  const write = (place: number): string => {
    const entry = list.at(place);
    const text = JSON.stringify(renameFields(entry, field_case));
    return shape === 'object' ? `${JSON.stringify(list.nameOf(entry))}:${text}` : text;
  };
  const chunks = function* (): Generator<string> {
    yield `{"success":true,"data":${open}`;
    for (let from = 0; from < list.total; from += CHUNK) {
      const to = Math.min(from + CHUNK, list.total);
      const parts = Array.from({ length: to - from }, (_, n) => write(from + n));
      yield (from > 0 ? ',' : '') + parts.join(',');
    }
    yield `${close}}`;
  };
  res.type('json');
  try {
    await pipeline(Readable.from(chunks()), res);
  } catch (error) {
    // The client went away.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

const query = z.looseObject({
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(10),
});

/** The `data` of the logs. `newest` first. */
export function laravelPage(req: Request, origin: string, total: number, at: (place: number) => object): object {
  const { page, per_page } = parseBody(query, req.query);
  return laravel({ page, perPage: per_page, path: `${origin}${req.path}`, total, at });
}

function laravel(list: {
  page: number;
  perPage: number;
  path: string;
  total: number;
  at: (place: number) => object;
}): object {
  const { page, perPage, path, total, at } = list;
  const last = Math.max(1, Math.ceil(total / perPage));
  const from = (page - 1) * perPage;
  const data = Array.from({ length: Math.max(0, Math.min(perPage, total - from)) }, (_, n) => at(from + n));
  const url = (n: number): string => `${path}?page=${n}`;
  return {
    current_page: page,
    data,
    first_page_url: url(1),
    from: data.length > 0 ? from + 1 : null,
    last_page: last,
    last_page_url: url(last),
    next_page_url: page < last ? url(page + 1) : null,
    path,
    per_page: perPage,
    prev_page_url: page > 1 ? url(page - 1) : null,
    to: data.length > 0 ? from + data.length : null,
    total,
  };
}
