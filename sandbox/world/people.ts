import { type GeneratedPeople, exists, revision } from './generated-people.ts';
import { hashText, mix } from './random.ts';

export interface Person {
  name: string;
  providerId: string;
  publicIdentifier: string;
  /** Digits with the country code; WhatsApp and Telegram only. */
  phone: string | null;
  lid: string | null;
  hasPicture: boolean;
  pictureSeed: number;
}

const FIRST =
  'Ada Bo Cleo Dara Emil Fay Gus Hana Ines Jon Kira Leo Mina Noor Otto Pia Quinn Rosa Sami Tess Uma Vik Wren Yara Zoe'.split(
    ' ',
  );
const LAST =
  'Abbott Berg Costa Duval Eriksen Fischer Gupta Haas Ito Jansen Klein Lopez Meyer Novak Okoye Petit Rossi Sato Tanaka Unger Vogel Weber Yilmaz Zeman'.split(
    ' ',
  );
const ROLES = ['Engineer', 'Recruiter', 'Founder', 'Designer', 'Analyst', 'Teacher', 'Buyer'];

/** Seven digits per entry, by a bijection: a provider id leads back to its entry. */
const SPAN = 10_000_000;
const STRIDE = 7_368_787;
const STRIDE_BACK = inverse(STRIDE, SPAN);

function sevenDigits(people: GeneratedPeople, index: number): string {
  return String((index * STRIDE + people.hash) % SPAN).padStart(7, '0');
}

function indexOf(people: GeneratedPeople, sevenDigitText: string): number {
  const offset = (((Number(sevenDigitText) - people.hash) % SPAN) + SPAN) % SPAN;
  return (offset * STRIDE_BACK) % SPAN;
}

/** `five` are digits of the seed, `seven` number the entry. */
const PROVIDER_ID: Partial<Record<string, (five: string, seven: string) => string>> = {
  WHATSAPP: (_five, seven) => `1555${seven}@s.whatsapp.net`,
  LINKEDIN: (five, seven) => `ACoAA${Buffer.from(`member:${five}:${seven}`).toString('base64url')}`,
  TELEGRAM: (five, seven) => `6${five.slice(0, 2)}${seven}`,
  INSTAGRAM: (five, seven) => `1784${five}${seven}`,
  MESSENGER: (five, seven) => `1000${five}${seven}`,
  TWITTER: (five, seven) => `1${five}${seven}`,
};

/** `lidShare`: the share of WhatsApp entries known by a LID in place of their number. */
export function person(people: GeneratedPeople, channel: string, index: number, lidShare: number): Person {
  const { hash } = people;
  const seven = sevenDigits(people, index);
  const five = String(hash % 100_000).padStart(5, '0');
  const version = revision(people, index);
  const lid = channel === 'WHATSAPP' ? lidOf(five, seven) : null;
  const hidden = lid !== null && mix(hash, index, 21) / 0x1_0000_0000 < lidShare;
  const providerId = hidden ? lid : (PROVIDER_ID[channel]?.(five, seven) ?? seven);
  const first = FIRST[mix(hash, index, 1, version) % FIRST.length]!;
  const last = LAST[mix(hash, index, 2, version) % LAST.length]!;
  const phone = channel === 'WHATSAPP' || channel === 'TELEGRAM' ? `1555${seven}` : null;
  const nameless = channel === 'WHATSAPP' && version === 0 && mix(hash, index, 3) % 10 === 0;
  const handle = `${first}-${last}-${seven}`.toLowerCase();
  return {
    name: nameless ? `+1555${seven}` : `${first} ${last}`,
    providerId,
    publicIdentifier: channel === 'WHATSAPP' ? providerId : handle,
    phone,
    lid,
    hasPicture: mix(hash, index, 4) % 5 !== 0,
    pictureSeed: mix(hash, index, 5, version),
  };
}

/** By provider id, LID, public identifier or phone number; null when there is none. */
export function findPerson(
  people: GeneratedPeople,
  channel: string,
  identifier: string,
  lidShare: number,
): number | null {
  const seven = lastSeven(identifier);
  if (seven === null) return null;
  const index = indexOf(people, seven);
  if (!exists(people, index)) return null;
  const found = person(people, channel, index, lidShare);
  const phone = identifier.replace(/^\+/, '').replace(/@s\.whatsapp\.net$/, '');
  const names = [found.providerId, found.publicIdentifier, found.lid];
  return names.includes(identifier) || found.phone === phone ? index : null;
}

function lastSeven(identifier: string): string | null {
  const plain = identifier.startsWith('ACoAA')
    ? Buffer.from(identifier.slice(5), 'base64url').toString('latin1')
    : identifier.replace(/@.*$/, '');
  return /(\d{7})$/.exec(plain)?.[1] ?? null;
}

/** Of a WhatsApp user without contact, the LID follows from the number alone. */
export function lidOf(five: string, seven: string): string {
  return `900${five}${seven}@lid`;
}

export function headline(people: GeneratedPeople, index: number): string {
  return `${ROLES[mix(people.hash, index, 6) % ROLES.length]} at ${LAST[mix(people.hash, index, 7) % LAST.length]} & Co`;
}

/** A plausible name that follows from a user name or number. */
export function nameFor(text: string): string {
  const hash = hashText(text);
  return `${FIRST[mix(hash, 1) % FIRST.length]} ${LAST[mix(hash, 2) % LAST.length]}`;
}

function inverse(value: number, modulus: number): number {
  let [r0, r1, t0, t1] = [modulus, value, 0, 1];
  while (r1 !== 0) {
    const quotient = Math.floor(r0 / r1);
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return (t0 + modulus) % modulus;
}
