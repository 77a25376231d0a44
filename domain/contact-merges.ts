import { noFields, type ContactFields } from './contact-fields.ts';
import type { ContactEdits, FieldOrigin, Provenance } from './contacts.ts';

export interface Contents {
  fields: ContactFields;
  edits: ContactEdits;
  provenance: Provenance;
  groups: readonly string[];
}
type Merged = Contents & { id: string };

/** The survivor's contents after a merge: its gaps are filled from the other contact; groups are united. */
export function afterMerge(survivor: Contents, other: Merged, at: string): Contents {
  const { provided, edited, groups, brought } = apart(survivor);
  const others = apart(other);
  const own = ownGroups(survivor);
  const more = other.groups.filter((group) => !own.includes(group));
  return together({
    provided: filled(provided, others.provided, other.id, at),
    edited: filled(edited, others.edited, other.id, at),
    groups: [...new Set([...groups, ...more])],
    brought: more.length ? { ...brought, [other.id]: more } : brought,
  });
}

/** The contents after the merge with `from` is undone: its values go, or come from a contact that stays merged. */
export function afterUnmerge(survivor: Contents, from: string, staying: readonly Merged[], at: string): Contents {
  const { provided, edited, groups, brought } = apart(survivor);
  const { [from]: removed = [], ...rest } = brought;
  const left = (part: 'provided' | 'edited', before: Layer): Layer => {
    const without = unmerged(before, (id) => id === from);
    const open = Object.keys(before.values).filter((name) => !(name in without.values));
    return staying.reduce((layer, one) => filled(layer, apart(one)[part], one.id, at, open), without);
  };
  const kept = Object.values(rest).flat();
  return together({
    provided: left('provided', provided),
    edited: left('edited', edited),
    groups: groups.filter((group) => !removed.includes(group) || kept.includes(group)),
    brought: rest,
  });
}

/** A merged contact's contents when its survivor is merged too, without values removed from the survivor by hand. */
export function inSight(merged: Merged, survivor: Contents): Merged {
  const { provided, edited, groups } = apart(merged);
  const word = apart(survivor).edited.values;
  const left = (all: object): object => Object.fromEntries(Object.entries(all).filter(([name]) => name in word));
  const shown = { values: left(edited.values), origins: left(edited.origins) } as Layer;
  const kept = groups.filter((group) => survivor.groups.includes(group));
  return { id: merged.id, ...together({ provided, edited: shown, groups: kept, brought: {} }) };
}

/** A contact's contents without values from merges. */
export function ownOf(contact: Contents): Contents {
  const { provided, edited } = apart(contact);
  return together({
    provided: unmerged(provided, () => true),
    edited: unmerged(edited, () => true),
    groups: ownGroups(contact),
    brought: {},
  });
}

/** The contents once the number was given to another person: what the provider told goes; edits and merges stay. */
export function afterNewOwner(contact: Contents): Contents {
  const parts = apart(contact);
  const { values, origins } = parts.provided;
  const merged = (all: object): object =>
    Object.fromEntries(Object.entries(all).filter(([name]) => origins[name]?.source === 'merge'));
  return together({ ...parts, provided: { values: merged(values), origins: merged(origins) } as Layer });
}

function ownGroups({ groups, provenance }: Contents): string[] {
  const brought = Object.values(provenance.groups ?? {}).flat();
  return groups.filter((group) => !brought.includes(group));
}

interface Layer {
  values: Readonly<Record<string, string | boolean>>;
  origins: Readonly<Record<string, FieldOrigin>>;
}

interface Parts {
  provided: Layer;
  edited: Layer;
  groups: readonly string[];
  brought: NonNullable<Provenance['groups']>;
}

function apart({ fields, edits, provenance, groups }: Contents): Parts {
  const { name, company, groups: brought = {}, ...others } = provenance;
  if (edits.company === undefined)
    return {
      provided: layerOf({ ...fields }, { ...others, company }),
      edited: layerOf({ ...edits }, { name }),
      groups,
      brought,
    };
  const { over, ...edit } = company ?? {};
  return {
    provided: layerOf({ ...fields, company: over?.value }, { ...others, company: over?.origin }),
    edited: layerOf({ ...edits }, { name, company: company && (edit as FieldOrigin) }),
    groups,
    brought,
  };
}

function layerOf(
  values: Record<string, string | boolean | null | undefined>,
  origins: Record<string, FieldOrigin | null | undefined>,
): Layer {
  const present = (all: object): [string, unknown][] => Object.entries(all).filter(([, one]) => one);
  return { values: Object.fromEntries(present(values)), origins: Object.fromEntries(present(origins)) } as Layer;
}

function together({ provided, edited, groups, brought }: Parts): Contents {
  const fields: ContactFields = { ...noFields, ...provided.values };
  const edits: ContactEdits = edited.values;
  const { company: edit } = edited.origins;
  const over = { value: fields.company, origin: provided.origins['company'] ?? null };
  return {
    fields: { ...fields, company: edits.company ?? fields.company },
    edits,
    provenance: {
      ...provided.origins,
      ...edited.origins,
      ...(edit && { company: { ...edit, over } }),
      ...(Object.keys(brought).length ? { groups: brought } : {}),
    },
    groups,
  };
}

/** Fills gaps of the layer with `other`'s values of these names. */
function filled(layer: Layer, other: Layer, from: string, at: string, names = Object.keys(other.values)): Layer {
  const values = { ...layer.values };
  const origins = { ...layer.origins };
  for (const name of names) {
    const value = other.values[name];
    if (values[name] || !value) continue;
    const gap = origins[name];
    values[name] = value;
    origins[name] = { source: 'merge', at, from, ...(gap && { over: { value: null, origin: gap } }) };
  }
  return { values, origins };
}

/** Removes values that came from these contacts, by a merge or by later entries under their identity. */
function unmerged(layer: Layer, isGone: (from: string) => boolean): Layer {
  const values = { ...layer.values };
  const origins = { ...layer.origins };
  for (const [name, { from, over }] of Object.entries(layer.origins)) {
    if (from === undefined || !isGone(from)) continue;
    delete values[name];
    delete origins[name];
    if (over?.origin) origins[name] = over.origin;
  }
  return { values, origins };
}
