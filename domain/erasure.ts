import { identitiesInside, parseIdentity, type IdentityKind } from './identities.ts';

/** How much an erasure took away, by place. */
export interface ErasureCounts {
  contacts: number;
  /** Names under which accounts knew the person. */
  aliases: number;
  /** Provider's entries that were kept with contacts. */
  raw_records: number;
  webhook_bodies: number;
  sync_runs: number;
  /** Answers kept for repeats of requests. */
  stored_answers: number;
  timeline_entries: number;
}

export const noCounts: Readonly<ErasureCounts> = {
  contacts: 0,
  aliases: 0,
  raw_records: 0,
  webhook_bodies: 0,
  sync_runs: 0,
  stored_answers: 0,
  timeline_entries: 0,
};

/** Somebody by one name: a person's alias, or their id on a channel that knows neither number nor JID. */
export interface Subject {
  kind: IdentityKind | 'id';
  value: string;
}

/** A subject as one text; equal names are one subject. */
export const subjectName = ({ kind, value }: Subject): string => `${kind}:${value}`;

export function subjectNamed(name: string): Subject {
  const at = name.indexOf(':');
  return { kind: name.slice(0, at) as Subject['kind'], value: name.slice(at + 1) };
}

/** The person that a text names: a JID or LID in any spelling, or a number. Null for groups, channels and anything else. */
export const subjectOf = (text: string): Subject | null =>
  parseIdentity(/^[+\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, '') : text);

/** Names of fields, in small letters without signs, whose bare digits are a person's number. */
const numbered =
  /^(phone|phonenumber|number|msisdn|waid|jid|id|remotejid|userjid|participant|(cleaned|clean)?(sender|participant)pn|attendeeproviderid|senderid|sender|author|recipients?|participants|chatid|from|to)$/;
/** Those whose text is a person's id, whatever it looks like. */
const identifying = /^(attendeeproviderid|senderproviderid)$/;

/**
 * Everybody whom a webhook's body speaks of. Tolerant: whatever is spelled like a JID, as a value, inside a text or as
 * a field's name, and numbers where numbers are known to stand. Works on text that is no JSON, too.
 */
export function subjectsIn(body: string): Subject[] {
  const found = new Map<string, Subject>();
  const add = (subject: Subject | null): void => {
    if (subject) found.set(subjectName(subject), subject);
  };
  const scan = (text: string): void => {
    for (const one of identitiesInside(text)) add(one);
    if (text.includes('waid='))
      for (const [, number] of text.matchAll(/waid=(\d{5,15})/g)) add(subjectOf(number ?? ''));
  };
  const value = (name: string, text: string): void => {
    scan(text);
    if (numbered.test(name)) add(subjectOf(text));
    if (identifying.test(name) && text !== '' && text.length <= 255 && !subjectOf(text))
      add({ kind: 'id', value: text });
  };
  const walk = (name: string, part: unknown): void => {
    if (typeof part === 'string') value(name, part);
    else if (typeof part === 'number') {
      if (numbered.test(name) && name !== 'id') add(subjectOf(String(part)));
    } else if (Array.isArray(part)) for (const one of part) walk(name, one);
    else if (part !== null && typeof part === 'object')
      for (const [key, one] of Object.entries(part)) {
        scan(key);
        walk(key.toLowerCase().replace(/[^a-z]/g, ''), one);
      }
  };
  try {
    walk('', JSON.parse(body));
  } catch {
    scan(unescaped(body));
  }
  return [...found.values()];
}

/** Some senders give forms. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The texts by which a stored answer or a timeline's data is seen to speak of somebody. */
export function tracesOf(subjects: readonly Subject[]): string[] {
  return subjects.flatMap(({ kind, value }) => {
    const number = kind === 'jid' ? /^(\d{7,15})@/.exec(value)?.[1] : undefined;
    return number ? [value, number] : [value];
  });
}
