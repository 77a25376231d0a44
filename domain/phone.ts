import { parsePhoneNumberFromString } from 'libphonenumber-js';

/**
 * A phone number as E.164 with plus. Providers write the same number with and without it. Null for anything that has
 * no digits or too many; a number that is merely unknown to the numbering plan is kept, since test numbers are.
 */
export function toE164(text: string | null | undefined): string | null {
  const digits = (text ?? '').replace(/[^\d]/g, '');
  return digits.length >= 5 && digits.length <= 15 ? `+${digits}` : null;
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
