import { parsePhoneNumberFromString } from 'libphonenumber-js';

/** A provider's number as E.164, or null. Numbers outside the numbering plan are kept, since test numbers are. */
export function toE164(text: string | null | undefined): string | null {
  const digits = (text ?? '').replace(/[^\d]/g, '');
  return digits.length >= 5 && digits.length <= 15 ? `+${digits}` : null;
}

/** What helps where a number cannot be read. */
export const phoneHelp = 'Give the whole number with its country code, such as +33639980001.';

const spelling = /^[+\d\s().\-/]{1,100}$/;
/** In plain signs: pasted numbers hold marks that show nothing, wide digits and long dashes. */
const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\p{Pd}/gu, '-')
    .trim();
/** The zero of "+44 (0)20 …" is dialled within the country only. */
const withoutTrunkZero = (text: string): string => text.replace(/(\d[\s.\-/)]*)\(\s*0\s*\)/, '$1');

/** Whether a text is spelled as a number and nothing else, be it one or not. */
export const isSpelledAsPhone = (text: string): boolean => spelling.test(plain(text));

/** A typed number as E.164; null without its country code: a national number reaches another person elsewhere. */
export function readPhone(text: string): string | null {
  const typed = plain(text);
  if (!spelling.test(typed)) return null;
  const phone = toE164(withoutTrunkZero(typed).trim().replace(/^00/, ''));
  if (!phone || phone.startsWith('+0')) return null;
  const known = parsePhoneNumberFromString(phone);
  const withZero = known?.isValid() && `+${known.countryCallingCode}0${known.nationalNumber}`;
  return known && withZero === phone ? known.number : phone;
}

/**
 * Numbers that lead to one phone though they are written in two ways, as pairs of a pattern of E.164 and how the other one
 * is made (`$1` its groups): Brazil put a 9 before its mobile numbers, Mexico dropped a 1, Argentina has a 9 for calls
 * from abroad. WhatsApp answers with the one under which the account was made.
 */
export const numberRules: readonly (readonly [pattern: string, other: string])[] = [
  [String.raw`^\+55(\d\d)9([6-9]\d{7})$`, '+55$1$2'],
  [String.raw`^\+55(\d\d)([6-9]\d{7})$`, '+55$19$2'],
  [String.raw`^\+521([2-9]\d{9})$`, '+52$1'],
  [String.raw`^\+52([2-9]\d{9})$`, '+521$1'],
  [String.raw`^\+549([1-3]\d{9})$`, '+54$1'],
  [String.raw`^\+54([1-3]\d{9})$`, '+549$1'],
];
const compiledRules = numberRules.map(([pattern, other]) => ({ pattern: new RegExp(pattern), other }));

/** A number (E.164) in each of its spellings, itself first. */
export const numberSpellings = (e164: string): string[] => [
  e164,
  ...compiledRules.flatMap(({ pattern, other }) => (pattern.test(e164) ? e164.replace(pattern, other) : [])),
];

/** The digits to look for in stored numbers (E.164) when a number is searched for; none where the text is something else. */
export function phoneSpellings(text: string): string[] {
  const typed = plain(text);
  if (!spelling.test(typed)) return [];
  const digits = withoutTrunkZero(typed).replace(/\D/g, '');
  const national = digits.replace(/^0+/, '');
  const whole = readPhone(typed)?.slice(1);
  const parts = [digits, ...(national.length >= 5 ? [national] : []), ...(whole === undefined ? [] : [whole])];
  return [...new Set(parts)].filter((part) => part !== '');
}

/** The international spelling, such as `+91 98765 43210`; the input where the number is unknown. */
export function formatPhone(e164: string): string {
  const shown = parsePhoneNumberFromString(e164)?.formatInternational();
  // libphonenumber drops what looks like a trunk prefix: the result would be another number.
  return shown && toE164(shown) === toE164(e164) ? shown : e164;
}

export function phoneCountry(e164: string): string | null {
  return parsePhoneNumberFromString(e164)?.country ?? null;
}
