import { identityOf, parseIdentity, phoneOf as phoneOfIdentity } from '../../domain/identities.ts';
import { pathSegment } from '../shared/http.ts';

/** A person's JID or LID in its canonical form; null for groups, channels and any other text. */
export const toJid = (text: string | null): string | null => parseIdentity(text)?.value ?? null;

export const isLid = (jid: string): boolean => identityOf(jid).kind === 'lid';

/** The number of a JID as E.164; null behind a LID. */
export function phoneOf(text: string | null): string | null {
  const identity = parseIdentity(text);
  return identity && phoneOfIdentity(identity);
}

export const segment = (id: string | null): string => pathSegment('WASender', id);
