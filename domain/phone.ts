import { parsePhoneNumberFromString } from 'libphonenumber-js';

/** A provider's number as E.164, or null. Numbers outside the numbering plan are kept, since test numbers are. */
export function toE164(text: string | null | undefined): string | null {
  const digits = (text ?? '').replace(/[^\d]/g, '');
  return digits.length >= 5 && digits.length <= 15 ? `+${digits}` : null;
}

const spelling = /^[+\d\s().\-/\u00a0]+$/;
/** The zero of "+44 (0)20 …" is dialled within the country only. */
const withoutTrunkZero = (text: string): string => text.replace('(0)', '');

/** A typed number as E.164; null without its country code: a national number reaches another person elsewhere. */
export function readPhone(text: string): string | null {
  if (!spelling.test(text)) return null;
  const phone = toE164(withoutTrunkZero(text).trim().replace(/^00/, ''));
  return phone?.startsWith('+0') ? null : phone;
}

export function phoneSpellings(text: string): string[] {
  if (!spelling.test(text)) return [];
  const digits = withoutTrunkZero(text).replace(/\D/g, '');
  const national = digits.replace(/^0+/, '');
  return [...new Set([digits, ...(national.length >= 5 ? [national] : [])])].filter((part) => part !== '');
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
