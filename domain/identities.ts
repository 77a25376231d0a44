import { toE164 } from './phone.ts';

/**
 * What an account can know a person by: `phone` E.164 · `jid` and `lid` WhatsApp's address by number and without it ·
 * `psid`, `igsid` and `bsuid` Meta's ids on Messenger, Instagram and WhatsApp, each valid for one business · `member` the
 * id of a channel that knows neither. Stored as they are spelled here.
 */
export const identityKinds = ['phone', 'jid', 'lid', 'psid', 'igsid', 'bsuid', 'member'] as const;
export type IdentityKind = (typeof identityKinds)[number];

/** One name of a person in its canonical form; equal names are one person within an account. */
export interface Identity {
  kind: IdentityKind;
  value: string;
}

const numberServer = '@s.whatsapp.net';
const lidServer = '@lid';
const address = String.raw`\+?(\d{3,20})(?:[:_.]\d+)?@(s\.whatsapp\.net|c\.us|lid)`;
const wholeAddress = new RegExp(`^${address}$`);
const addressesInside = new RegExp(String.raw`(?<![\w.-])${address}(?![\w-])`, 'g');

/** The JID of a number on WhatsApp. */
export const jidOf = (phone: string): string => phone.replace(/\D/g, '') + numberServer;

/** A number as an identity: WhatsApp's JID, so that a person's number and JID are one alias. */
export const phoneIdentity = (phone: string): Identity => ({ kind: 'jid', value: jidOf(phone) });

/** The identity that a canonical JID or LID is. */
export const identityOf = (value: string): Identity => ({ kind: value.endsWith(lidServer) ? 'lid' : 'jid', value });

const whatsAppIdentity = (user: string, server: string | undefined): Identity =>
  server === 'lid' ? { kind: 'lid', value: user + lidServer } : { kind: 'jid', value: user + numberServer };

/**
 * A person of WhatsApp in any spelling: a JID or LID with or without its device, or a number as bare digits. Null for
 * groups, channels and any other text.
 */
export function parseIdentity(text: string | null): Identity | null {
  const given = text?.trim() ?? '';
  const digits = /^\+?(\d{5,15})$/.exec(given)?.[1];
  if (digits) return whatsAppIdentity(digits, undefined);
  const [, user, server] = wholeAddress.exec(given) ?? [];
  return user ? whatsAppIdentity(user, server) : null;
}

/** Every JID and LID that stands inside a text. */
export const identitiesInside = (text: string): Identity[] =>
  text.includes('@')
    ? [...text.matchAll(addressesInside)].map(([, user = '', server]) => whatsAppIdentity(user, server))
    : [];

/** The number of an identity as E.164; null where it is not made of one. */
export const phoneOf = ({ kind, value }: Identity): string | null =>
  kind === 'jid' || kind === 'phone' ? toE164(value) : null;
