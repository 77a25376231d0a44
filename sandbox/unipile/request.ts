import { z } from 'zod';
import {
  toRoute,
  type Route as ServerRoute,
  type RouteArgs,
  type RouteName,
  type RouteOptions,
} from '../server/api.ts';
import { invalid, UnipileError } from './errors.ts';
import type { State } from './state.ts';

/** Every caller has the same key: nothing more is known about the caller. */
export type Route = ServerRoute<void>;
export const route = (name: RouteName, ...args: RouteArgs<void, RouteOptions>): Route => toRoute(name, args);

/** UTC with milliseconds, as the service writes and takes it. */
export const isoDate = z.iso.datetime({ precision: 3, error: 'must be written as 2026-02-03T04:05:06.789Z' });

/** The first shape that fits. Unknown fields are ignored, or refused by variant. Throws 400 in UniPile's words. */
export function parseBody<S extends z.ZodObject>(state: State, shapes: readonly S[], body: unknown): z.infer<S> {
  let problem: z.ZodError | undefined;
  for (const shape of shapes) {
    const parsed = shape.safeParse(body ?? {});
    if (!parsed.success) {
      problem ??= parsed.error;
      continue;
    }
    if (state.variants.values.unknown_fields === 'refused') refuseUnknown(shape, body);
    return parsed.data;
  }
  const missing = problem?.issues.some((issue) => issue.path.length > 0 && valueAt(body, issue.path) === undefined);
  const detail = problem?.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ');
  throw missing ? new UnipileError('missing_parameters', detail) : invalid(detail ?? 'The body is wrong.');
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], body);
}

function refuseUnknown(shape: z.ZodObject, body: unknown): void {
  const unknown = Object.keys(body as object).filter((name) => !(name in shape.shape));
  // The official client repeats account_id in the body of a reconnect.
  const surplus = unknown.filter((name) => name !== 'account_id');
  if (surplus.length > 0) throw new UnipileError('invalid_body', `Unknown fields: ${surplus.join(', ')}.`);
}
