import { toE164 } from '../../domain/phone.ts';

const numbers = '@s.whatsapp.net';

/**
 * A person's JID or LID in its one form: without a device, bare digits as the JID of that number. Null for groups,
 * channels and what is none of these.
 */
export function toJid(text: string | null): string | null {
  const given = text?.trim() ?? '';
  const digits = /^\+?(\d{5,15})$/.exec(given)?.[1];
  if (digits) return digits + numbers;
  const [, user, server] = /^(\d{3,20})(?:[:_.]\d+)?@(s\.whatsapp\.net|c\.us|lid)$/.exec(given) ?? [];
  if (!user) return null;
  return server === 'lid' ? `${user}@lid` : user + numbers;
}

export const isLid = (jid: string): boolean => jid.endsWith('@lid');

/** The number of a JID as E.164; null behind a LID. */
export function phoneOf(text: string | null): string | null {
  const jid = toJid(text);
  return jid && !isLid(jid) ? toE164(jid.slice(0, -numbers.length)) : null;
}
