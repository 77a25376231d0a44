import { type ContactList, listEntries, type ListEntry } from './contact-list.ts';
import { pictureUrl } from './files.ts';
import { jidOf } from '../world/whatsapp.ts';
import { findIdentity, type Identity } from './identity.ts';
import type { Session, State } from './state.ts';
import type { WasenderVariants } from './variants.ts';
import { type GeneratedPeople, revision } from '../world/generated-people.ts';
import { nameFor, person } from '../world/people.ts';
import { mix } from '../world/random.ts';

const EMOJI = ['🌿', '🚀✨', '👩‍👩‍👧', '🇧🇷', '❤️‍🔥', '🧑🏽‍🍳'];
const ABOUTS = ['Hey there! I am using WhatsApp.', 'Busy', 'At work', 'Battery about to die', null, null];
const LARGE_RECORD_BYTES = 200_000;

/** Before the variants are applied. */
export interface ContactFacts extends Identity {
  name: string | null;
  notify: string | null;
  verifiedName: string | null;
  about: string | null;
  /** Null: no picture. */
  pictureSeed: number | null;
  large: boolean;
}

/** `people`: an earlier version, for the person before a change. */
export function personFacts(
  contacts: ContactList,
  index: number,
  people: GeneratedPeople = contacts.people,
): ContactFacts {
  const { options } = contacts;
  const found = person(people, 'WHATSAPP', index, options.lid_only);
  const version = revision(people, index);
  const draw = (salt: number): number => mix(people.hash, index, salt) / 0x1_0000_0000;
  const nameless = draw(101) < options.nameless;
  const emoji = draw(102) < options.emoji ? ` ${EMOJI[mix(people.hash, index, 103) % EMOJI.length]}` : '';
  const full = found.name.startsWith('+') ? nameFor(`${people.hash}:${index}`) : found.name;
  const [first = full, last = ''] = full.split(' ');
  const unsaved = draw(104) < options.unsaved;
  const business = !nameless && draw(105) < options.business;
  const jid = found.providerId;
  return {
    jid,
    phone: found.phone!,
    lid: found.lid!,
    index,
    name: contacts.saved.get(jid) ?? (nameless || unsaved ? null : full + emoji),
    notify: nameless ? null : first + emoji,
    verifiedName: business ? `${last} & Co ${index}` : null,
    // So that every change is visible in some field.
    about: version > 0 ? `News no. ${version}` : ABOUTS[mix(people.hash, index, 106) % ABOUTS.length]!,
    pictureSeed: found.hasPicture ? found.pictureSeed : null,
    large: options.large_record && index === Math.floor(people.size / 2),
  };
}

function unlistedFacts(contacts: ContactList, identity: Identity): ContactFacts {
  return {
    ...identity,
    name: contacts.saved.get(identity.jid) ?? null,
    notify: contacts.unlisted.get(identity.jid) ?? null,
    verifiedName: null,
    about: null,
    pictureSeed: null,
    large: false,
  };
}

export function contactFacts(contacts: ContactList, identity: Identity): ContactFacts {
  return identity.index === null ? unlistedFacts(contacts, identity) : personFacts(contacts, identity.index);
}

function entryFacts(contacts: ContactList, entry: ListEntry): ContactFacts {
  if (entry.kind === 'unlisted') return unlistedFacts(contacts, findIdentity(contacts, entry.jid)!);
  const facts = personFacts(contacts, entry.index);
  if (entry.as === 'lean') return { ...facts, name: null };
  return entry.as === 'lid' ? { ...facts, jid: facts.lid } : facts;
}

export function contactView(state: State, facts: ContactFacts, where: 'list' | 'one' | 'event'): object {
  const variants = state.variants.values;
  const picture = facts.pictureSeed === null ? null : pictureUrl(state, facts.pictureSeed);
  return {
    ...contactKeys(facts, where, variants),
    ...((where === 'event' || variants.list_lids) && { lid: facts.lid, ...phoneNumber(facts) }),
    ...absent('name', facts.name, variants),
    ...(variants.push_name !== 'pushName' && absent('notify', facts.notify, variants)),
    ...(variants.push_name !== 'notify' && absent('pushName', facts.notify, variants)),
    verifiedName: facts.verifiedName,
    imgUrl: where === 'list' && !variants.list_pictures ? null : picture,
    status: facts.about,
    ...(facts.large && { extra: { note: 'x'.repeat(LARGE_RECORD_BYTES) } }),
  };
}

/** `id`, `jid` or both. Events come from the WhatsApp library and always have `id`. */
export function contactKeys(facts: ContactFacts, where: 'list' | 'one' | 'event', variants: WasenderVariants): object {
  const { contact_key: key, contact_id_form: form } = variants;
  const digits = form === 'digits' || (form === 'mixed' && facts.index !== null && facts.index % 2 === 1);
  const value = digits && where !== 'event' && facts.jid === jidOf(facts.phone) ? facts.phone : facts.jid;
  if (where === 'event' || key === 'id') return { id: value };
  if (key === 'both') return { id: value, jid: value };
  return key === 'jid' || where === 'list' ? { jid: value } : { id: value };
}

/** A contact listed under a LID shows no number. */
function phoneNumber(facts: ContactFacts): object {
  return facts.jid === facts.lid ? {} : { phoneNumber: jidOf(facts.phone) };
}

function absent(field: string, value: string | null, { absent_names }: WasenderVariants): object {
  if (value !== null) return { [field]: value };
  return absent_names === 'omitted' ? {} : { [field]: absent_names === 'null' ? null : '' };
}

/** Shorter while the first sync runs. */
export function contactList(state: State, session: Session): { total: number; at(place: number): object } {
  const { total, at } = listEntries(session.contacts);
  const { first_sync_seconds: seconds } = state.variants.values;
  const age = (state.shared.clock.now() - (session.linked?.since ?? 0)) / 1000;
  const shown = seconds === 0 || age >= seconds ? total : Math.floor((total * age) / seconds);
  return { total: shown, at: (place) => contactView(state, entryFacts(session.contacts, at(place)), 'list') };
}

export function contactsData(state: State, entries: object[]): unknown {
  return state.variants.values.contacts_shape === 'object' && entries.length === 1 ? entries[0] : entries;
}
