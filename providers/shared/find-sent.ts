import { identitySpellings, parseIdentity } from '../../domain/identities.ts';
import type { SeenMessage } from '../../domain/seen-messages.ts';
import type { DeliveryStatus } from '../../domain/seen-messages.ts';
import type { HandedOver, SentMessage, SentSearch, UnknownSend } from '../provider.ts';

/** A message of the account that may be the one that was sent. */
export interface SentCandidate {
  message: SentMessage;
  status: DeliveryStatus | null;
  /** Milliseconds since the epoch. */
  sentAt: number | null;
  /** Whether it says the same to the same recipient. */
  isCertain: boolean;
}

/** How the provider's clock and ours may differ, and how far times are cut. */
export const clockSkewMs = 5_000;

/** What a provider's list shows. */
interface Looked {
  candidates: readonly SentCandidate[];
  /** Whether it would surely show the message, had it been sent. */
  isWhole: boolean;
  /** After a call has ended, how long it can take until the list shows its message. */
  settleMs: number;
}

/**
 * What candidates prove. The earliest one since the call is the message; one of an earlier or unknown time may be, so that
 * nothing is certain.
 */
export function judge({ candidates, isWhole, settleMs }: Looked, unknown: UnknownSend, now: number): SentSearch {
  const { since, endedAt } = unknown;
  const known = new Set(unknown.known);
  const left = candidates.filter(({ message }) => !message.keys.some((key) => known.has(key)));
  const after = left.filter(({ sentAt, isCertain }) => isCertain && sentAt !== null && sentAt >= since - clockSkewMs);
  const [first] = after.toSorted((a, b) => (a.sentAt ?? 0) - (b.sentAt ?? 0));
  if (first) return { outcome: 'found', message: first.message, status: first.status, sentAt: first.sentAt };
  if (left.length || !isWhole) return { outcome: 'unclear', checkAgainAt: null };
  const settledAt = endedAt + settleMs;
  return now < settledAt ? { outcome: 'unclear', checkAgainAt: settledAt } : { outcome: 'not_sent' };
}

/** A text without what providers change: one spelling, one kind of line end, no blanks around. */
const plain = (text: string | null | undefined): string =>
  (text ?? '').normalize('NFC').replaceAll('\r\n', '\n').trim();

export const sameText = (a: string | null | undefined, b: string | null | undefined): boolean => plain(a) === plain(b);

type Seen = Pick<SeenMessage, 'text' | 'attachments' | 'deleted' | 'event'>;
type Sent = Pick<HandedOver, 'text' | 'attachments'>;

/** Whether a message may be what was to be sent: the same text, and attachments where there were some. */
export const maySayTheSame = (seen: Seen, sent: Sent): boolean =>
  !seen.deleted &&
  seen.event === undefined &&
  sameText(seen.text, sent.text) &&
  seen.attachments.length > 0 === (sent.attachments ?? []).length > 0;

/**
 * Whether a message surely says what was to be sent. Files without a text are told from others by their sizes: another
 * picture may have been sent from the phone meanwhile.
 */
export function saysTheSame(seen: Seen, sent: Sent): boolean {
  const files = sent.attachments ?? [];
  if (!maySayTheSame(seen, sent) || seen.attachments.length !== files.length) return false;
  if (plain(sent.text) !== '') return true;
  const ascending = (sizes: readonly (number | null)[]): string =>
    JSON.stringify(sizes.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
  return ascending(seen.attachments.map(({ size }) => size)) === ascending(files.map(({ bytes }) => bytes.size));
}

/**
 * Tells whether keys are those of a person or a conversation with this id. Null where it cannot be told: on WhatsApp a LID
 * and a number do not show whether they are one person.
 */
export function personMatcher(id: string): (keys: readonly string[]) => boolean | null {
  const identity = parseIdentity(id);
  const names = identity ? identitySpellings(identity).map(({ value }) => value) : [id];
  return (keys) => {
    if (keys.some((key) => names.includes(key))) return true;
    const kinds = keys.map((key) => parseIdentity(key)?.kind);
    return identity && !kinds.includes(identity.kind) && kinds.some((kind) => kind !== undefined) ? null : false;
  };
}
