import { cleanText, storableText } from '../../domain/text.ts';

/** Longer ids fit no index. */
const longestId = 255;
const longestName = 255;
const longestEmoji = 64;
const longestUrl = 2_048;

/** A text that is not empty; null for anything else. */
export const textIn = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** An id, a number as its digits; null for nothing, for what is too long, and for signs that PostgreSQL does not take. */
export function idIn(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  const id = textIn(value);
  return id !== null && id.length <= longestId && !id.includes('\0') && id.isWellFormed() ? id : null;
}

/** The text of a message as it was written, storable; null for a blank one. */
export function messageTextIn(value: unknown): string | null {
  const text = storableText(textIn(value) ?? '');
  return text.trim() === '' ? null : text;
}

/** A name of a person, a conversation or a file, cut to what a name may be long. */
export const nameIn = (value: unknown): string | null => cleanText(textIn(value)?.slice(0, longestName) ?? null);

/** The sign of a reaction; null where it is removed. */
export const emojiIn = (value: unknown): string | null => cleanText(textIn(value)?.slice(0, longestEmoji) ?? null);

const flags = new Map<unknown, boolean>([true, 1, '1', 'true'].map((one) => [one, true]));
for (const one of [false, 0, '0', 'false']) flags.set(one, false);

/** Yes or no, also as a number or a text; null for anything else. */
export const flagIn = (value: unknown): boolean | null => flags.get(value) ?? null;

/** A number that is not negative, also one written as text; null for anything else. */
export function amountIn(value: unknown): number | null {
  const given = typeof value === 'string' && /^\d{1,15}(?:\.\d{1,10})?$/.test(value) ? Number(value) : value;
  return typeof given === 'number' && given >= 0 && given <= Number.MAX_SAFE_INTEGER ? given : null;
}

/** As `amountIn`, a whole number. */
export function countIn(value: unknown): number | null {
  const amount = amountIn(value);
  return amount === null ? null : Math.round(amount);
}

/** An address of the web; null for others, such as those inside of a provider. */
export function webAddressIn(value: unknown): string | null {
  const address = textIn(value);
  const isWeb = address !== null && address.length <= longestUrl && /^https?:\/\//i.test(address);
  return isWeb && URL.canParse(address) ? address : null;
}

/** What is told, each once, in order. */
export const eachOnce = (values: readonly (string | null)[]): string[] => [
  ...new Set(values.filter((one) => one !== null)),
];
