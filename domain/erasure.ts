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

/** The longest text that can name a person, in characters. */
const longestName = 255;

/** The person that a text names: a JID or LID in any spelling, or a number. Null for groups, channels and anything else. */
export function subjectOf(text: string): Subject | null {
  if (text.length > longestName) return null;
  return parseIdentity(/^[+\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, '') : text);
}

/** The people whom something speaks of; `too_many` where it names more than are noted. */
export type People = readonly Subject[] | 'too_many';

/** A webhook body that speaks of more people is not kept. */
export const mostSubjects = 5_000;
/** Nor one that names people more often: each name takes time. */
const mostNames = 25_000;

/** The number of a contact card. */
const cardsInside = /waid=(\d{5,15})/g;

/** Collects people, each once. Looks no further once a body names more than it may. */
export class SubjectSet {
  readonly #found = new Map<string, Subject>();
  #names = 0;

  get isFull(): boolean {
    return this.#found.size > mostSubjects || this.#names > mostNames;
  }

  people(): People {
    return this.isFull ? 'too_many' : [...this.#found.values()];
  }

  /** Adds the person whom a text or number names, if it names one. */
  add(name: unknown): void {
    if (typeof name === 'string' || typeof name === 'number') this.#add(subjectOf(String(name)));
  }

  /** Adds the person who has this id on a channel, whatever the id looks like. */
  addId(id: unknown): void {
    if (typeof id !== 'string' || id === '' || id.length > longestName) return;
    this.#add(subjectOf(id) ?? { kind: 'id', value: id });
  }

  /** Adds everybody who is spelled as a JID, a LID or a card's number, in any text or field name of a JSON value. */
  addMentions(value: unknown): void {
    // No recursion: a body may be nested as deep as it is long.
    for (const left: unknown[] = [value]; left.length && !this.isFull;) {
      const one = left.pop();
      if (typeof one === 'string') this.#addSpelled(one);
      else if (Array.isArray(one)) for (const item of one) left.push(item);
      else if (one !== null && typeof one === 'object')
        for (const [name, item] of Object.entries(one)) left.push(name, item);
    }
  }

  #addSpelled(text: string): void {
    for (const one of identitiesInside(text)) {
      this.#add(one);
      if (this.isFull) return;
    }
    if (text.includes('waid='))
      for (const [, number] of text.matchAll(cardsInside)) {
        this.add(number);
        if (this.isFull) return;
      }
  }

  #add(subject: Subject | null): void {
    this.#names += 1;
    if (subject) this.#found.set(subjectName(subject), subject);
  }
}

/** The texts by which a stored answer or a timeline's data is seen to speak of somebody. */
export function tracesOf(subjects: readonly Subject[]): string[] {
  return subjects.flatMap(({ kind, value }) => {
    const number = kind === 'jid' ? /^(\d{7,15})@/.exec(value)?.[1] : undefined;
    return number ? [value, number] : [value];
  });
}
