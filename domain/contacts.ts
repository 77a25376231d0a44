import { formatPhone } from './phone.ts';

/**
 * A person as a provider shows them in an account's address book. Null is what the provider says is not there or does
 * not say at all.
 */
export interface SeenContact {
  /** The identity on the channel: a JID (`<digits>@s.whatsapp.net`) or a LID (`<digits>@lid`), in this form alone. */
  id: string;
  /** E.164 with plus; null behind a LID whose number is not told. */
  phone: string | null;
  lid: string | null;
  /** As saved in the owner's phone. */
  name: string | null;
  /** As the person calls themself. */
  pushName: string | null;
  /** Of a business that the channel has verified. */
  verifiedName: string | null;
  company: string | null;
  isBusiness: boolean;
  /** The person's text about themself. */
  status: string | null;
  /** Missing: not told here, or changed; it must be asked for. The address expires. */
  pictureUrl?: string;
  /** The provider's entry as it came. */
  raw: unknown;
}

/** The names under which a person is known to an account; unique within it, and no value is of two kinds. */
export interface ContactAlias {
  kind: 'jid' | 'lid';
  value: string;
}

/** The JID of a number on WhatsApp. */
export const jidOf = (phone: string): string => `${phone.replace(/\D/g, '')}@s.whatsapp.net`;

/** The alias that an identity is. A number of WhatsApp is known by its JID, so that one person is not two aliases. */
export const aliasOf = (id: string): ContactAlias => ({ kind: id.endsWith('@lid') ? 'lid' : 'jid', value: id });

/** Every alias that an entry tells of its person, its own identity first. */
export function aliasesOf({ id, lid, phone }: SeenContact): ContactAlias[] {
  const values = new Set([id, ...(phone ? [jidOf(phone)] : []), ...(lid ? [lid] : [])]);
  return [...values].map(aliasOf);
}

/** What is kept of a person, by column; a tenant may leave some out. */
export interface ContactFields {
  phoneNumber: string | null;
  savedName: string | null;
  pushName: string | null;
  verifiedName: string | null;
  company: string | null;
  profileImageUrl: string | null;
  whatsappStatus: string | null;
  isBusinessAccount: boolean;
}

/** What a person of the tenant wrote over what the provider says. */
export interface ContactEdits {
  name?: string;
  company?: string;
}

/** Where a field's present value comes from, where it is not the provider's at the contact's first sight. */
export interface FieldOrigin {
  source: 'provider' | 'edit' | 'merge' | 'translation';
  /** RFC 3339. */
  at: string;
  /** The contact that a merge took it from, or under whose identity an entry told it of the one that stands for it. */
  from?: string;
  /** What it stands over: of a company that was written, the provider's; of what a merge filled in, the gap's origin. */
  over?: { value: string | null; origin: FieldOrigin | null };
}
export type Provenance = Partial<Record<keyof ContactFields | 'name', FieldOrigin>> & {
  /** Groups that are not the contact's own but of those that were merged into it, by their ids. */
  groups?: Readonly<Record<string, readonly string[]>>;
};

/** PostgreSQL takes no NUL, and no half of a character that takes two. */
const clean = (text: string | null): string | null => text && (text.replaceAll('\0', '').toWellFormed().trim() || null);

/** An entry's fields; `keep` are those that the tenant keeps, all of them where null. */
export function fieldsOf(seen: SeenContact, keep: ReadonlySet<string> | null): ContactFields {
  const fields: ContactFields = {
    phoneNumber: seen.phone,
    savedName: clean(seen.name),
    pushName: clean(seen.pushName),
    verifiedName: clean(seen.verifiedName),
    company: clean(seen.company),
    profileImageUrl: seen.pictureUrl ?? null,
    whatsappStatus: clean(seen.status),
    isBusinessAccount: seen.isBusiness,
  };
  if (!keep) return fields;
  const left = Object.entries(fields).map(([name, value]) => [
    name,
    name === 'isBusinessAccount' || keep.has(name) ? value : null,
  ]);
  return Object.fromEntries(left) as ContactFields;
}

const fieldNames: readonly (keyof ContactFields)[] = [
  'phoneNumber',
  'savedName',
  'pushName',
  'verifiedName',
  'company',
  'profileImageUrl',
  'whatsappStatus',
  'isBusinessAccount',
];

/** Origins of what the provider's entry does not hold, so that its silence takes nothing away. */
const learned: ReadonlySet<string> = new Set(['merge', 'translation']);

/**
 * A person's fields after an entry was seen. The entry under the person's own identity decides; one under another alias
 * of theirs only fills gaps, so that two entries of one person never take turns. What was edited stays, and what a
 * merge filled in stays while the provider has nothing there. `from`: the entry came under the identity of that contact,
 * which was merged into this one.
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

/** The name that a person goes by: what was edited, else what the owner saved, else what they call themself. */
export const nameOf = ({ savedName, pushName }: ContactFields, edits: ContactEdits): string | null =>
  edits.name ?? savedName ?? pushName;

/** What a person is shown as: verified name, name, company, formatted number; at last a word for the unknown. */
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

/** Entries of one identity as one: the first says, the later ones fill its gaps. Keeps the order of first sight. */
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
 * What an entry says, as one text to be compared by its digest. Without the entry as it came, which the list and the
 * single answer spell in two ways, and without the picture, which not every answer tells.
 */
export const contentOf = (
  { raw: _raw, pictureUrl: _url, ...seen }: SeenContact,
  keep: ReadonlySet<string> | null,
): string => JSON.stringify([seen, keep ? [...keep].sort() : null]);

/** Whether two addresses are of one picture: their queries hold signatures, which change with every answer. */
export const isSamePicture = (one: string | null, other: string | null): boolean =>
  one?.split('?')[0] === other?.split('?')[0];
