import { randomBytes } from 'node:crypto';

/** The ends of a number's JID, and of a LID. */
export const PHONE_SUFFIX = '@s.whatsapp.net';
export const LID_SUFFIX = '@lid';

/** `phone`: digits with the country code. */
export const jidOf = (phone: string): string => phone + PHONE_SUFFIX;

/** The digits of a typed phone number; null when the text is none. */
export function typedPhone(text: string): string | null {
  const digits = text.replaceAll(/[\s+()-]/g, '');
  return /^\d{6,15}$/.test(digits) ? digits : null;
}

/** A reference, three keys and a version, all opaque. */
export function qrCodeText(): string {
  const part = (bytes: number): string => randomBytes(bytes).toString('base64');
  return `2@${part(96)},${part(32)},${part(32)},${part(32)},1`;
}
