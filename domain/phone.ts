import { parsePhoneNumberFromString } from 'libphonenumber-js';

/**
 * A provider's phone number as E.164 with plus. Providers write the same number with and without it. Null for anything
 * that has no digits or too many; a number that is merely unknown to the numbering plan is kept, since test numbers are.
 */
export function toE164(text: string | null | undefined): string | null {
  const digits = (text ?? '').replace(/[^\d]/g, '');
  return digits.length >= 5 && digits.length <= 15 ? `+${digits}` : null;
}

const spelling = /^[+\d\s().\-/\u00a0]+$/;
/** The zero of "+44 (0)20 …" is dialled within the country only. */
const withoutTrunkZero = (text: string): string => text.replace('(0)', '');

/**
 * A number as a person types it, as E.164; it must have its country code, after `+`, `00` or nothing. Null for anything
 * else, also for a number as it is dialled within its country: elsewhere it would reach another person.
 */
export function readPhone(text: string): string | null {
  if (!spelling.test(text)) return null;
  const phone = toE164(withoutTrunkZero(text).trim().replace(/^00/, ''));
  return phone?.startsWith('+0') ? null : phone;
}

/** The digits to look for in stored numbers (E.164) when a number is searched for; none where the text is something else. */
export function phoneSpellings(text: string): string[] {
  if (!spelling.test(text)) return [];
  const digits = withoutTrunkZero(text).replace(/\D/g, '');
  const national = digits.replace(/^0+/, '');
  return [...new Set([digits, ...(national.length >= 5 ? [national] : [])])].filter((part) => part !== '');
}

/** A number as people write it internationally, such as `+91 98765 43210`; the number itself where it is unknown. */
export function formatPhone(e164: string): string {
  const shown = parsePhoneNumberFromString(e164)?.formatInternational();
  // The numbering plan drops what it takes for a trunk prefix: then it would be another number.
  return shown && toE164(shown) === toE164(e164) ? shown : e164;
}

/** The two-letter country of a number, or null. */
export function phoneCountry(e164: string): string | null {
  return parsePhoneNumberFromString(e164)?.country ?? null;
}
