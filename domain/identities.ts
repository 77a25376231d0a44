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
const wholeAddress = /^\+?(\d{3,20})(?:[:_.]\d{1,10})?@(s\.whatsapp\.net|c\.us|lid)$/;
/** What stands before and after the sign of an address, and how many characters of a text these look at. */
const beforeSign = /(?<![\w.-])\+?(\d{3,20})(?:[:_.]\d{1,10})?$/;
const afterSign = /^@(s\.whatsapp\.net|c\.us|lid)(?![\w-])/;
const [longestBefore, longestAfter] = [33, 16];

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

/**
 * What stands at each `@` of a text: a JID or LID, or null for anything else. In linear time, and as far as the caller
 * goes on.
 */
export function* identitiesInside(text: string): Generator<Identity | null> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const server = afterSign.exec(text.slice(at, at + longestAfter))?.[1];
    const user = server && beforeSign.exec(text.slice(Math.max(0, at - longestBefore), at))?.[1];
    yield user ? whatsAppIdentity(user, server) : null;
  }
}

/** The number of an identity as E.164; null where it is not made of one. */
export const phoneOf = ({ kind, value }: Identity): string | null =>
  kind === 'jid' || kind === 'phone' ? toE164(value) : null;
