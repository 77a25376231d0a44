import type { Request } from 'express';
import { z } from 'zod';
import { parseBody } from '../settings.ts';

const query = z.looseObject({
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(10),
});

/** Laravel's page of a list: what the logs answer in `data`. `newest` first. */
export function laravelPage(req: Request, origin: string, total: number, at: (place: number) => object): object {
  const { page, per_page } = parseBody(query, req.query);
  return laravel({ page, perPage: per_page, path: `${origin}${req.path}`, total, at });
}

/** One page by number, with the addresses around it. */
export function laravel(list: {
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
