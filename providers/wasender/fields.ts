import { asObject, type JsonObject as Json } from '../json-object.ts';
import { storableText } from '../../domain/text.ts';

export { asObject, type JsonObject as Json } from '../json-object.ts';

/**
 * A field under its documented name, else under the same name in the other case: WASender's pages spell some of them
 * both ways (`api_key`, `imgUrl`).
 */
export function field(of: Json | null, name: string): unknown {
  if (!of) return undefined;
  if (Object.hasOwn(of, name)) return of[name];
  const other = otherCase(name);
  return Object.hasOwn(of, other) ? of[other] : undefined;
}

/** A text as it can be stored, a number as its digits, or null for anything else and for nothing. */
export function text(of: Json | null, name: string): string | null {
  const value = field(of, name);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? storableText(value) : null;
}

/** A number, also one written as text; null for anything else. */
export function number(of: Json | null, name: string): number | null {
  const value = text(of, name);
  return value === null || Number.isNaN(Number(value)) ? null : Number(value);
}

/** A time as milliseconds since the epoch; one without zone is UTC. Null for what is none. */
export function utcMs(time: string | null): number | null {
  if (time === null) return null;
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time.replace(' ', 'T')}Z`;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? null : at;
}

/** The two halves in which protobuf writes long numbers as one number; null for anything else. */
export function wholeNumber(value: unknown): number | null {
  const halves = asObject(value);
  const [low, high] = [field(halves, 'low'), field(halves, 'high')];
  return typeof low === 'number' && typeof high === 'number' ? high * 2 ** 32 + (low >>> 0) : null;
}

const others = new Map<string, string>();

function otherCase(name: string): string {
  const known = others.get(name);
  if (known) return known;
  const other = name.includes('_')
    ? name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase())
    : name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  others.set(name, other);
  return other;
}
