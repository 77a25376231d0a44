import { storableText } from '../../domain/text.ts';

/** A text that is not blank, as it can be stored, or a number as its digits; null for anything else. */
export function asText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  const text = typeof value === 'string' ? storableText(value) : '';
  return text.trim() === '' ? null : text;
}

/** A number, also one written as text; null for anything else. */
export function asNumber(value: unknown): number | null {
  const text = asText(value);
  const number = text === null || text.length > 40 ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** A size or a count: a number that is not negative, whole; null for anything else. */
export function asCount(value: unknown): number | null {
  const number = asNumber(value);
  return number === null || number < 0 || number > Number.MAX_SAFE_INTEGER ? null : Math.round(number);
}

const flags = new Map<unknown, boolean>([
  [true, true],
  [1, true],
  ['1', true],
  ['true', true],
  [false, false],
  [0, false],
  ['0', false],
  ['false', false],
]);

/** A flag as a boolean, 0 or 1, also written as text; null for anything else. */
export const asFlag = (value: unknown): boolean | null => flags.get(value) ?? null;

/** An address that can be called; null for anything else, such as a reference within the provider (`att://`). */
export const asWebUrl = (value: unknown): string | null =>
  typeof value === 'string' && /^https?:\/\//i.test(value) && URL.canParse(value) ? value : null;
