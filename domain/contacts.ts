import type { ProviderName } from './channels.ts';
import { contactFields, fieldNames, noFields, type ContactFields, type FieldName } from './contact-fields.ts';
import { identityOf, jidOf, parseIdentity, phoneOf, type Identity } from './identities.ts';
import { formatPhone } from './phone.ts';
import { cleanText } from './text.ts';

/** An entry of an account's address book. Null: the provider has no value, or does not give it. */
export interface SeenContact {
  /** The canonical identity: a JID (`<digits>@s.whatsapp.net`) or a LID (`<digits>@lid`). */
  id: string;
  phone: string | null;
  lid: string | null;
  /** The identity by which the person was asked for, where the answer names another one. */
  asked?: string;
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
  /** The picture is another one now, whose address must be asked for. */
  pictureChanged?: true;
  /** Of an event: when it was sent, in milliseconds since the epoch. An event tells what changed, and denies nothing. */
  toldAt?: number;
  raw: unknown;
}

/** Every identity that an entry tells of its person, the one that it came under first. */
export function aliasesOf({ id, lid, phone, asked }: SeenContact): Identity[] {
  const values = new Set([id, ...(phone ? [jidOf(phone)] : []), ...(lid ? [lid] : []), ...(asked ? [asked] : [])]);
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
  /** When the provider told it, where that is known: what was told before it does not change the value. RFC 3339, UTC. */
  told?: string;
  /** The merged contact that gave the value, or under whose identity the provider's entry came. */
  from?: string;
  /** What the value covers: the provider's company under an edited one, or the origin of a gap that a merge filled. */
  over?: { value: string | null; origin: FieldOrigin | null };
}
export type Provenance = Partial<Record<keyof ContactFields | 'name', FieldOrigin>> & {
  groups?: Readonly<Record<string, readonly string[]>>;
};

/** What an entry tells; undefined where it neither has a value nor denies the one that is known. */
export type ToldFields = { [Name in FieldName]: ContactFields[Name] | undefined };

/**
 * An entry's fields; `keep` names the fields to keep, null all. An entry that shows no name at all leaves things out, and
 * so does any entry soon after a login, while the phone still sends them, and one of an event: these deny nothing.
 */
export function fieldsOf(seen: SeenContact, keep: ReadonlySet<string> | null, isAfterLogin: boolean): ToldFields {
  const savedName = cleanText(seen.name);
  const pushName = cleanText(seen.pushName);
  const verifiedName = cleanText(seen.verifiedName);
  const leavesOut = isAfterLogin || seen.toldAt !== undefined;
  const denied = leavesOut || (savedName ?? pushName ?? verifiedName) === null ? undefined : null;
  const fields: ToldFields = {
    phoneNumber: seen.phone ?? (seen.asked === undefined ? undefined : (phoneOf(identityOf(seen.asked)) ?? undefined)),
    savedName: savedName ?? denied,
    pushName: pushName ?? undefined,
    verifiedName: verifiedName ?? undefined,
    company: cleanText(seen.company) ?? denied,
    profileImageUrl: seen.pictureUrl,
    whatsappStatus: cleanText(seen.status) ?? denied,
    isBusinessAccount: seen.isBusiness || undefined,
  };
  if (!keep) return fields;
  const kept = Object.entries(fields).map(([name, value]) => [
    name,
    !contactFields[name as FieldName].droppable || keep.has(name) ? value : undefined,
  ]);
  return Object.fromEntries(kept) as ToldFields;
}

/** The fields of a contact that only this entry tells of. */
export const newFields = (told: ToldFields): ContactFields =>
  Object.fromEntries(fieldNames.map((name) => [name, told[name] ?? noFields[name]])) as ContactFields;

/** The fields' origins of a contact that only an event tells of. */
export const newOrigins = (fields: ContactFields, at: string, told: string): Provenance =>
  Object.fromEntries(
    fieldNames.flatMap((name) => (fields[name] === null ? [] : [[name, { source: 'provider', at, told }]])),
  );

/** Whether a field of an entry was told later than the entry. */
export const isOutdated = (told: ToldFields, provenance: Provenance, toldAt: string | undefined): boolean =>
  toldAt !== undefined &&
  fieldNames.some((name) => told[name] !== undefined && isBefore(toldAt, provenance[name]?.told));

const isBefore = (toldAt: string, told: string | undefined): boolean => told !== undefined && toldAt < told;

/** How an entry counts. */
export interface Evidence {
  /** The entry came under the contact's identity. */
  decides: boolean;
  /** When it is stored. RFC 3339, UTC, as `toldAt`. */
  at: string;
  /** When the provider told it; undefined where that is not known. */
  toldAt?: string | undefined;
  isEvent?: boolean;
  /** The merged contact under whose identity the entry came. */
  from?: string | undefined;
}

/**
 * A contact's fields after an entry was seen. The entry under its identity decides; one under another alias only fills
 * gaps, so that two entries of one person never take turns. Edits stay, and so do what the entry leaves out and what was
 * told later than it.
 */
export function afterSeen(
  before: { fields: ContactFields; edits: ContactEdits; provenance: Provenance },
  told: ToldFields,
  { decides, at, toldAt, isEvent, from }: Evidence,
): { fields: ContactFields; provenance: Provenance } {
  const fields = { ...before.fields };
  const provenance = { ...before.provenance };
  const set = <F extends keyof ContactFields>(name: F): void => {
    const now: ContactFields[F] | undefined = told[name];
    const was = fields[name];
    const origin = provenance[name];
    if (now === undefined || (toldAt !== undefined && isBefore(toldAt, origin?.told))) return;
    if (was === now) {
      // Otherwise an event that was sent before this one, and comes after it, would change the value.
      const isProviders = origin === undefined || origin.source === 'provider';
      if (isEvent && isProviders && toldAt !== undefined)
        provenance[name] = { ...(origin ?? { source: 'provider', at }), told: toldAt };
      return;
    }
    const empty = now === null || now === false;
    if (name === 'company' && before.edits.company !== undefined) return;
    if (empty && (!decides || origin?.source === 'merge')) return;
    if (!decides && was !== null && was !== false) return;
    fields[name] = now;
    provenance[name] = {
      source: 'provider',
      at,
      ...(toldAt !== undefined && { told: toldAt }),
      ...(from !== undefined && { from }),
    };
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
  ...(later.pictureChanged && { pictureChanged: true }),
});

/** An answer to the question for one person: what was answered belongs to what was asked. */
export function askedAs(identity: string, seen: SeenContact): SeenContact {
  const asked = parseIdentity(identity)?.value;
  return asked === undefined || aliasesOf(seen).some(({ value }) => value === asked) ? seen : { ...seen, asked };
}

/**
 * An entry's content as one text, to be compared by digest. Without the raw entry, which lists and single answers spell
 * in two ways, and without the picture and what was asked, which not every answer has. An event never equals a whole entry,
 * which may deny what the event leaves out.
 */
export const contentOf = (
  { raw: _raw, pictureUrl: _url, pictureChanged: _changed, asked: _asked, toldAt, ...seen }: SeenContact,
  keep: ReadonlySet<string> | null,
): string => JSON.stringify([seen, keep ? [...keep].sort() : null, ...(toldAt === undefined ? [] : ['event'])]);

/** Whether an entry names its person at all. */
export const isNamed = ({ name, pushName, verifiedName, company }: SeenContact): boolean =>
  [name, pushName, verifiedName, company].some((one) => cleanText(one) !== null);

/** Ignores the queries: they hold signatures, which change with every answer. */
export const isSamePicture = (one: string | null, other: string | null): boolean =>
  one?.split('?')[0] === other?.split('?')[0];
