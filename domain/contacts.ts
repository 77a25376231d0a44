import type { ProviderName } from './channels.ts';
import { contactFields, fieldNames, type ContactFields, type FieldName } from './contact-fields.ts';
import { identityOf, jidOf, type Identity } from './identities.ts';
import { formatPhone } from './phone.ts';
import { cleanText } from './text.ts';

/**
 * A person in an account's address book, as the provider shows them. Null: the provider has no value, or does not say.
 */
export interface SeenContact {
  /** The identity on the channel, canonical: a JID (`<digits>@s.whatsapp.net`) or a LID (`<digits>@lid`). */
  id: string;
  /** E.164 with plus; null behind a LID whose number is not known. */
  phone: string | null;
  lid: string | null;
  /** As saved in the owner's phone. */
  name: string | null;
  /** As the person named themself. */
  pushName: string | null;
  /** Of a business that the channel has verified. */
  verifiedName: string | null;
  company: string | null;
  isBusiness: boolean;
  /** The person's text about themself. */
  status: string | null;
  /** Missing: not part of this entry, or changed; it must be asked for. The address expires. */
  pictureUrl?: string;
  /** The provider's entry as it came. */
  raw: unknown;
}

/** Every identity that an entry tells of its person, the one that it came under first. */
export function aliasesOf({ id, lid, phone }: SeenContact): Identity[] {
  const values = new Set([id, ...(phone ? [jidOf(phone)] : []), ...(lid ? [lid] : [])]);
  return [...values].map(identityOf);
}

/** What the tenant wrote over the provider's values. */
export interface ContactEdits {
  name?: string;
  company?: string;
}

/** Where a field's value comes from; without one it is the provider's, from the contact's first sight. */
export interface FieldOrigin {
  source: 'provider' | 'edit' | 'merge' | 'translation';
  /** RFC 3339. */
  at: string;
  /** The merged contact that the value was taken from, or under whose identity the provider's entry came. */
  from?: string;
  /** What it covers: under an edited company the provider's; under a value that a merge filled in the gap's origin. */
  over?: { value: string | null; origin: FieldOrigin | null };
}
export type Provenance = Partial<Record<keyof ContactFields | 'name', FieldOrigin>> & {
  /** Groups that come from contacts that were merged into this one, by their ids. */
  groups?: Readonly<Record<string, readonly string[]>>;
};

/** An entry's fields; `keep` names those that the tenant keeps, null all. */
export function fieldsOf(seen: SeenContact, keep: ReadonlySet<string> | null): ContactFields {
  const fields: ContactFields = {
    phoneNumber: seen.phone,
    savedName: cleanText(seen.name),
    pushName: cleanText(seen.pushName),
    verifiedName: cleanText(seen.verifiedName),
    company: cleanText(seen.company),
    profileImageUrl: seen.pictureUrl ?? null,
    whatsappStatus: cleanText(seen.status),
    isBusinessAccount: seen.isBusiness,
  };
  if (!keep) return fields;
  const kept = Object.entries(fields).map(([name, value]) => [
    name,
    !contactFields[name as FieldName].droppable || keep.has(name) ? value : null,
  ]);
  return Object.fromEntries(kept) as ContactFields;
}

/** Sources of values that the provider's entry does not hold: an empty field there takes nothing away. */
const learned: ReadonlySet<string> = new Set(['merge', 'translation']);

/**
 * A contact's fields after an entry was seen. The entry under its identity decides; one under another alias only fills
 * gaps, so that two entries of one person never take turns. Edits stay, and what a merge filled in stays while the
 * provider has nothing there. `from`: the merged contact under whose identity the entry came.
 */
export function afterSeen(
  before: { fields: ContactFields; edits: ContactEdits; provenance: Provenance },
  seen: ContactFields,
  decides: boolean,
  at: string,
  from?: string,
): { fields: ContactFields; provenance: Provenance } {
  const fields = { ...before.fields };
  const provenance = { ...before.provenance };
  const set = <F extends keyof ContactFields>(name: F): void => {
    const now = seen[name];
    const was = fields[name];
    const empty = now === null || now === false;
    if (name === 'company' && before.edits.company !== undefined) return;
    if (empty && (!decides || learned.has(provenance[name]?.source ?? ''))) return;
    if (!decides && was !== null && was !== false) return;
    if (was === now) return;
    fields[name] = now;
    provenance[name] = { source: 'provider', at, ...(from !== undefined && { from }) };
  };
  fieldNames.forEach(set);
  return { fields, provenance };
}

/** Where a field comes from, as it is shown; `provider` is null for an edit, `field` is the one that a name was taken from. */
export interface ShownOrigin {
  source: FieldOrigin['source'];
  provider: ProviderName | null;
  at: string;
  from?: string;
  field?: string;
}

/** Where each field that has a value or a history comes from, by name on the wire. */
export function originsOf(
  contact: ContactFields & { name: string | null; edits: ContactEdits; provenance: Provenance; createdAt: Date },
  provider: ProviderName,
): Record<string, ShownOrigin> {
  const { edits, provenance } = contact;
  const first: FieldOrigin = { source: 'provider', at: contact.createdAt.toISOString() };
  const shown = ({ source, at, from }: FieldOrigin, isEdit = false): ShownOrigin => ({
    source,
    provider: isEdit ? null : provider,
    at,
    ...(from !== undefined && { from }),
  });
  const origins: Record<string, ShownOrigin> = {};
  for (const name of fieldNames) {
    const known = provenance[name];
    if (known || contact[name] !== null)
      origins[contactFields[name].wire] = shown(known ?? first, name === 'company' && edits.company !== undefined);
  }
  if (contact.name === null) return origins;
  const field = contactFields[contact.savedName === null ? 'pushName' : 'savedName'].wire;
  const edit = edits.name === undefined ? undefined : provenance.name;
  return { ...origins, name: edit ? shown(edit, true) : { ...(origins[field] ?? shown(first)), field } };
}

/** A contact's name: edited, else saved by the owner, else the push name. */
export const nameOf = ({ savedName, pushName }: ContactFields, edits: ContactEdits): string | null =>
  edits.name ?? savedName ?? pushName;

/** A contact as it is shown: verified name, else name, else company, else the formatted number. */
export function displayName(contact: {
  verifiedName: string | null;
  name: string | null;
  company: string | null;
  phoneNumber: string | null;
}): string {
  const { verifiedName, name, company, phoneNumber } = contact;
  if (verifiedName ?? name) return verifiedName ?? name ?? '';
  if (company) return `Contact from ${company}`;
  return phoneNumber ? formatPhone(phoneNumber) : 'Unknown contact';
}

/** Entries of one identity as one: the first counts, later ones fill its gaps. Keeps the order of first sight. */
export function withoutRepeats(entries: readonly SeenContact[]): SeenContact[] {
  const byId = new Map<string, SeenContact>();
  for (const entry of entries) {
    const first = byId.get(entry.id);
    byId.set(entry.id, first ? filled(first, entry) : entry);
  }
  return [...byId.values()];
}

const filled = (first: SeenContact, later: SeenContact): SeenContact => ({
  ...first,
  phone: first.phone ?? later.phone,
  lid: first.lid ?? later.lid,
  name: first.name ?? later.name,
  pushName: first.pushName ?? later.pushName,
  verifiedName: first.verifiedName ?? later.verifiedName,
  company: first.company ?? later.company,
  isBusiness: first.isBusiness || later.isBusiness,
  status: first.status ?? later.status,
  ...(first.pictureUrl === undefined && later.pictureUrl !== undefined ? { pictureUrl: later.pictureUrl } : {}),
});

/**
 * An entry's content as one text, to be compared by digest. Without the raw entry, which lists and single answers spell
 * in two ways, and without the picture, which not every answer has.
 */
export const contentOf = (
  { raw: _raw, pictureUrl: _url, ...seen }: SeenContact,
  keep: ReadonlySet<string> | null,
): string => JSON.stringify([seen, keep ? [...keep].sort() : null]);

/** Whether two addresses are of one picture: their queries hold signatures, which change with every answer. */
export const isSamePicture = (one: string | null, other: string | null): boolean =>
  one?.split('?')[0] === other?.split('?')[0];
