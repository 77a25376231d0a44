import type { WasenderVariants } from './variants.ts';

const RESPELL: Record<WasenderVariants['field_case'], ((name: string) => string) | null> = {
  documented: null,
  snake: (name) => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  camel: (name) => name.replaceAll(/(?<=[a-z0-9])_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
};

/** The same value with every field's name in the case asked for. */
export function respell(value: unknown, fieldCase: WasenderVariants['field_case']): unknown {
  const rename = RESPELL[fieldCase];
  if (!rename) return value;
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk);
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [rename(name), walk(inner)]));
  };
  return walk(value);
}
