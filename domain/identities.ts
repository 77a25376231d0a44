import { numberSpellings, toE164 } from './phone.ts';

/**
 * `phone` E.164 · `jid` and `lid` WhatsApp's address by number and without it · `psid`, `igsid` and `bsuid` Meta's ids
 * on Messenger, Instagram and WhatsApp, each valid for one business · `member` any other id. Stored as spelled here.
 */
export const identityKinds = ['phone', 'jid', 'lid', 'psid', 'igsid', 'bsuid', 'member'] as const;
export type IdentityKind = (typeof identityKinds)[number];

/** A person's name in canonical form; equal names are one person within an account. */
export interface Identity {
  kind: IdentityKind;
  value: string;
}

const numberServer = '@s.whatsapp.net';
const lidServer = '@lid';
const wholeAddress = /^\+?(\d{3,20})(?:[:_.]\d{1,10})?@(s\.whatsapp\.net|c\.us|lid)$/;
const beforeSign = /(?<![\w.-])\+?(\d{3,20})(?:[:_.]\d{1,10})?$/;
const afterSign = /^@(s\.whatsapp\.net|c\.us|lid)(?![\w-])/;
const [longestBefore, longestAfter] = [33, 16];

export const jidOf = (phone: string): string => phone.replace(/\D/g, '') + numberServer;

/** A number's identity is its JID: a person's number and JID are one alias. */
export const phoneIdentity = (phone: string): Identity => ({ kind: 'jid', value: jidOf(phone) });

/** WhatsApp's address without a number. */
export const lidOf = (digits: string): Identity => ({ kind: 'lid', value: digits + lidServer });

export const identityOf = (value: string): Identity => ({ kind: value.endsWith(lidServer) ? 'lid' : 'jid', value });

const whatsAppIdentity = (user: string, server: string | undefined): Identity =>
  server === 'lid' ? { kind: 'lid', value: user + lidServer } : { kind: 'jid', value: user + numberServer };

/** A WhatsApp person as a JID or LID, with or without its device, or as bare digits. Null for anything else. */
export function parseIdentity(text: string | null): Identity | null {
  const given = text?.trim() ?? '';
  const digits = /^\+?([1-9]\d{4,14})$/.exec(given)?.[1];
  if (digits) return whatsAppIdentity(digits, undefined);
  const [, user, server] = wholeAddress.exec(given) ?? [];
  return user ? whatsAppIdentity(user, server) : null;
}

/** The JID or LID at each `@` of a text, or null. Linear time, and lazy. */
export function* identitiesInside(text: string): Generator<Identity | null> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const server = afterSign.exec(text.slice(at, at + longestAfter))?.[1];
    const user = server && beforeSign.exec(text.slice(Math.max(0, at - longestBefore), at))?.[1];
    yield user ? whatsAppIdentity(user, server) : null;
  }
}

/** Whether an id is WhatsApp's of a person within one business, such as `ZA.70000000000000001` (Meta's documentation, August 2026). */
export const isBusinessScoped = (id: string): boolean => /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,250}$/.test(id);

export const phoneOf = ({ kind, value }: Identity): string | null =>
  kind === 'jid' || kind === 'phone' ? toE164(value) : null;

/** An identity in each spelling of its number, itself first. */
export function identitySpellings(identity: Identity): Identity[] {
  const phone = identity.kind === 'jid' ? phoneOf(identity) : null;
  return phone === null ? [identity] : numberSpellings(phone).map(phoneIdentity);
}
