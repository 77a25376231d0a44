import type { z } from 'zod';
import { ApiError } from './errors.ts';

export interface Variants<T> {
  readonly values: T;
  /** Throws 400 with the allowed values. */
  set(name: string, value: unknown): void;
  reset(): void;
}

/** The schema's defaults apply after a start and a reset. */
export function createVariants<S extends z.ZodObject>(schema: S): Variants<z.infer<S>> {
  const values = schema.parse({});
  return {
    values,
    set(name, value) {
      const field = (schema.shape as Record<string, z.ZodType>)[name];
      if (!field) throw new ApiError(400, `unknown variant "${name}"; known: ${Object.keys(schema.shape).join(', ')}`);
      const parsed = field.safeParse(value);
      if (!parsed.success)
        throw new ApiError(400, `variant ${name}: ${parsed.error.issues.map((i) => i.message).join('; ')}`);
      Object.assign(values, { [name]: parsed.data });
    },
    reset() {
      Object.assign(values, schema.parse({}));
    },
  };
}
