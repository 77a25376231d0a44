import { encodeQR } from 'qr';

/**
 * A QR code in half blocks, for a terminal. The text of a WhatsApp login is drawn less than 80 columns wide, in the
 * level of error correction that WhatsApp itself uses: a screen is not torn or dirty.
 */
export const drawQr = (text: string): string => encodeQR(text, 'ascii', { ecc: 'low' }).trimEnd();
