import { storableText } from '../../domain/text.ts';
import { epochMs } from '../../domain/webhook-events.ts';

/** A text that is not blank, as it can be stored, or a number as its digits; null for anything else. */
export function asText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  const text = typeof value === 'string' ? storableText(value) : '';
  return text.trim() === '' ? null : text;
}

/** No provider's id is as long; an index takes no longer one. */
const longestId = 500;

/** An id: a text or a number of no more than its length; null for anything else. */
export function asId(value: unknown): string | null {
  const text = asText(value);
  return text !== null && text.length <= longestId ? text : null;
}

/** A number, also one written as text; null for anything else. */
export function asNumber(value: unknown): number | null {
  const text = asText(value);
  const number = text === null || text.length > 40 ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** A number that is not negative; null for anything else. */
export function asAmount(value: unknown): number | null {
  const number = asNumber(value);
  return number === null || number < 0 || number > Number.MAX_SAFE_INTEGER ? null : Math.abs(number);
}

/** A size or a count: a whole number that is not negative; null for anything else. */
export function asCount(value: unknown): number | null {
  const amount = asAmount(value);
  return amount === null ? null : Math.round(amount);
}

/** The year 9999 ends. */
const lastTime = 253_402_300_799_999;

/** A time in seconds, milliseconds or text as milliseconds since the epoch; null for anything else, and for no date. */
export function asTime(value: unknown): number | null {
  const at = epochMs(value);
  return at !== null && at >= 0 && at <= lastTime ? at : null;
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
