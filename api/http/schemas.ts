import { z } from 'zod';
import type { Scope } from '../../domain/scopes.ts';

/** The schema within optional, nullable and default ones, and of a pipe the side that takes the input. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType, in: input } = schema._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = innerType ?? input;
  return inner ? unwrapped(inner) : schema;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field that a schema does not have, with those that it has. */
interface UnknownField {
  path: readonly string[];
  known: readonly string[];
}

/** The fields of a value that its schema does not declare, at every depth. Loose objects and records take any. */
export function unknownFields(schema: z.core.$ZodType, value: unknown, path: readonly string[] = []): UnknownField[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.flatMap((one, n) => unknownFields(inner.element, one, [...path, String(n)]));
  if (!(inner instanceof z.ZodObject) || !isObject(value)) return [];
  const shape: Record<string, z.core.$ZodType> = inner.shape;
  const takesAny = inner.def.catchall !== undefined && !(inner.def.catchall instanceof z.ZodNever);
  return Object.keys(value).flatMap((key) => {
    if (value[key] === undefined) return [];
    if (Object.hasOwn(shape, key)) return unknownFields(shape[key]!, value[key], [...path, key]);
    return takesAny ? [] : [{ path: [...path, key], known: Object.keys(shape) }];
  });
}

/** Fields of answers that only keys with some scope see. */
const scopes = z.registry<{ scope: Scope }>();

/** Declares a field of an answer for keys with this scope alone. */
export function onlyFor<S extends z.ZodType>(scope: Scope, schema: S): S {
  scopes.add(schema, { scope });
  return schema;
}

/** An answer without the fields that a key with these scopes may not see, whichever key it was made for. */
export function visibleTo(own: readonly Scope[], schema: z.core.$ZodType, value: unknown): unknown {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.map((one) => visibleTo(own, inner.element, one));
  if (inner instanceof z.ZodUnion) return inner.options.reduce((seen, one) => visibleTo(own, one, seen), value);
  if (!(inner instanceof z.ZodObject) || !isObject(value)) return value;
  const shape: Record<string, z.core.$ZodType> = inner.shape;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      const declared = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (!declared) return [[key, one]];
      const needed = scopes.get(declared as z.ZodType)?.scope;
      return needed && !own.includes(needed) ? [] : [[key, visibleTo(own, declared, one)]];
    }),
  );
}

/** Whether an answer shows a field that is declared for keys with `scope` alone, to a key that has it. */
export function shownFor(scope: Scope, own: readonly Scope[], schema: z.core.$ZodType, value: unknown): boolean {
  if (!own.includes(scope)) return false;
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.some((one) => shownFor(scope, own, inner.element, one));
  if (inner instanceof z.ZodUnion) return inner.options.some((one) => shownFor(scope, own, one, value));
  if (!(inner instanceof z.ZodObject) || !isObject(value)) return false;
  const shape: Record<string, z.core.$ZodType> = inner.shape;
  return Object.entries(shape).some(([key, declared]) => {
    const one = value[key];
    if (one === undefined || one === null) return false;
    return scopes.get(declared as z.ZodType)?.scope === scope || shownFor(scope, own, declared, one);
  });
}
