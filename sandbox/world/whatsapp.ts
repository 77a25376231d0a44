import { randomBytes } from 'node:crypto';

/** Ends the JID of a phone number, and of a hidden number's stand-in (LID). */
export const PHONE_SUFFIX = '@s.whatsapp.net';
export const LID_SUFFIX = '@lid';

/** A phone number's JID. `phone`: digits with the country code. */
export const jidOf = (phone: string): string => phone + PHONE_SUFFIX;

/** The digits of a phone number as people type it; null when the text is none. */
export function typedPhone(text: string): string | null {
  const digits = text.replaceAll(/[\s+()-]/g, '');
  return /^\d{6,15}$/.test(digits) ? digits : null;
}

/** What WhatsApp's QR code says: a reference, three keys and a version, all opaque. */
export function qrCodeText(): string {
  const part = (bytes: number): string => randomBytes(bytes).toString('base64');
  return `2@${part(96)},${part(32)},${part(32)},${part(32)},1`;
}
