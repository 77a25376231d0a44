import { identitiesInside, parseIdentity, type IdentityKind } from './identities.ts';

export interface ErasureCounts {
  contacts: number;
  aliases: number;
  raw_records: number;
  webhook_bodies: number;
  sync_runs: number;
  stored_answers: number;
  timeline_entries: number;
  conversations: number;
  messages: number;
}

export const noCounts: Readonly<ErasureCounts> = {
  contacts: 0,
  aliases: 0,
  raw_records: 0,
  webhook_bodies: 0,
  sync_runs: 0,
  stored_answers: 0,
  timeline_entries: 0,
  conversations: 0,
  messages: 0,
};

/** A name of a person: an identity, or an id on a channel without numbers and JIDs. */
export interface Subject {
  kind: IdentityKind | 'id';
  value: string;
}

export const subjectName = ({ kind, value }: Subject): string => `${kind}:${value}`;

export function subjectNamed(name: string): Subject {
  const at = name.indexOf(':');
  return { kind: name.slice(0, at) as Subject['kind'], value: name.slice(at + 1) };
}

const longestName = 255;

/** A JID or LID in any spelling, or a number. Null for groups, channels and anything else. */
export function subjectOf(text: string): Subject | null {
  if (text.length > longestName) return null;
  return parseIdentity(/^[+\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, '') : text);
}

/** `too_many` above the limits. */
export type People = readonly Subject[] | 'too_many';

/** A webhook body that names more people is not kept. */
export const mostSubjects = 5_000;
/** Nor a body that names people more often: each name takes time. */
const mostNames = 25_000;

const cardsInside = /waid=(\d{5,15})/g;

/** Collects people, each once, up to the limits. */
export class SubjectSet {
  readonly #found = new Map<string, Subject>();
  #names = 0;

  get isFull(): boolean {
    return this.#found.size > mostSubjects || this.#names > mostNames;
  }

  people(): People {
    return this.isFull ? 'too_many' : [...this.#found.values()];
  }

  add(name: unknown): void {
    if (typeof name === 'string' || typeof name === 'number') this.#add(subjectOf(String(name)));
  }

  /** Adds the person with this id, whatever its form. */
  addId(id: unknown): void {
    if (typeof id !== 'string' || id === '' || id.length > longestName) return;
    this.#add(subjectOf(id) ?? { kind: 'id', value: id });
  }

  /** Adds the people spelled as a JID, a LID or a card's number in any text or field name of a JSON value. */
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

export function tracesOf(subjects: readonly Subject[]): string[] {
  return subjects.flatMap(({ kind, value }) => {
    const number = kind === 'jid' ? /^(\d{7,15})@/.exec(value)?.[1] : undefined;
    return number ? [value, number] : [value];
  });
}
