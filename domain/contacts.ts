import type { ProviderName } from './channels.ts';
import { contactFields, fieldNames, type ContactFields, type FieldName } from './contact-fields.ts';
import { identityOf, jidOf, type Identity } from './identities.ts';
import { formatPhone } from './phone.ts';
import { cleanText } from './text.ts';

/** An entry of an account's address book. Null: the provider has no value, or does not give it. */
export interface SeenContact {
  /** The canonical identity: a JID (`<digits>@s.whatsapp.net`) or a LID (`<digits>@lid`). */
  id: string;
  phone: string | null;
  lid: string | null;
  /** As saved in the owner's phone. */
  name: string | null;
  /** As the person chose it. */
  pushName: string | null;
  /** Of a business that the channel has verified. */
  verifiedName: string | null;
  company: string | null;
  isBusiness: boolean;
  status: string | null;
  /** Missing: not part of this entry, or changed and to be fetched. The address expires. */
  pictureUrl?: string;
  raw: unknown;
}

/** Every identity of an entry, its own id first. */
export function aliasesOf({ id, lid, phone }: SeenContact): Identity[] {
  const values = new Set([id, ...(phone ? [jidOf(phone)] : []), ...(lid ? [lid] : [])]);
  return [...values].map(identityOf);
}

export interface ContactEdits {
  name?: string;
  company?: string;
}

/** Where a value comes from. A value without an origin is the provider's, from the first entry. */
export interface FieldOrigin {
  source: 'provider' | 'edit' | 'merge' | 'translation';
  at: string;
  /** The merged contact that gave the value, or under whose identity the provider's entry came. */
  from?: string;
  /** What the value covers: the provider's company under an edited one, or the origin of a gap that a merge filled. */
  over?: { value: string | null; origin: FieldOrigin | null };
}
export type Provenance = Partial<Record<keyof ContactFields | 'name', FieldOrigin>> & {
  groups?: Readonly<Record<string, readonly string[]>>;
};

/** An entry's fields; `keep` names the fields to keep, null all. */
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

/** Sources of values that the provider's entry does not hold: an empty field in the entry does not remove them. */
const learned: ReadonlySet<string> = new Set(['merge', 'translation']);

/**
 * The entry under the contact's own identity decides; one under another alias only fills gaps, so that two entries of
 * one person never alternate. `from`: the merged contact of the entry.
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

/** `provider` is null for an edit; `field` is the field that a name was taken from. */
export interface ShownOrigin {
  source: FieldOrigin['source'];
  provider: ProviderName | null;
  at: string;
  from?: string;
  field?: string;
}

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

/** Edited, else saved by the owner, else the push name. */
export const nameOf = ({ savedName, pushName }: ContactFields, edits: ContactEdits): string | null =>
  edits.name ?? savedName ?? pushName;

/** Verified name, else name, else company, else the formatted number. */
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

/** Merges entries of one identity: later ones fill gaps of the first. Keeps the order. */
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

/** An entry's content, to be compared by digest. Lists and single answers differ in their raw entry and picture. */
export const contentOf = (
  { raw: _raw, pictureUrl: _url, ...seen }: SeenContact,
  keep: ReadonlySet<string> | null,
): string => JSON.stringify([seen, keep ? [...keep].sort() : null]);

/** Ignores the queries: they hold signatures, which change with every answer. */
export const isSamePicture = (one: string | null, other: string | null): boolean =>
  one?.split('?')[0] === other?.split('?')[0];
