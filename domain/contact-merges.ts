import type { ContactEdits, ContactFields, FieldOrigin, Provenance } from './contacts.ts';

/** What a merge passes on of a contact. */
export interface Contents {
  fields: ContactFields;
  edits: ContactEdits;
  provenance: Provenance;
  groups: readonly string[];
}
type Merged = Contents & { id: string };

/** The survivor's contents after a merge: what it lacks is taken from the other, the groups of both are its own. */
export function afterMerge(survivor: Contents, other: Merged, at: string): Contents {
  const { told, written, groups, brought } = apart(survivor);
  const others = apart(other);
  const own = ownGroups(survivor);
  const more = other.groups.filter((group) => !own.includes(group));
  return together({
    told: filled(told, others.told, other.id, at),
    written: filled(written, others.written, other.id, at),
    groups: [...new Set([...groups, ...more])],
    brought: more.length ? { ...brought, [other.id]: more } : brought,
  });
}

/**
 * The contents after a merge with `from` was undone: what came of it is gone, or comes now from one of those who stay
 * merged.
 */
export function afterUnmerge(survivor: Contents, from: string, staying: readonly Merged[], at: string): Contents {
  const { told, written, groups, brought } = apart(survivor);
  const { [from]: gone = [], ...rest } = brought;
  const left = (part: 'told' | 'written', before: Layer): Layer => {
    const without = unmerged(before, (id) => id === from);
    const open = Object.keys(before.values).filter((name) => !(name in without.values));
    return staying.reduce((layer, one) => filled(layer, apart(one)[part], one.id, at, open), without);
  };
  const kept = Object.values(rest).flat();
  return together({
    told: left('told', told),
    written: left('written', written),
    groups: groups.filter((group) => !gone.includes(group) || kept.includes(group)),
    brought: rest,
  });
}

/**
 * A merged contact's contents as they pass on when its survivor is merged into somebody: what was taken away from the
 * survivor by hand does not come up again.
 */
export function inSight(merged: Merged, survivor: Contents): Merged {
  const { told, written, groups } = apart(merged);
  const word = apart(survivor).written.values;
  const left = (all: object): object => Object.fromEntries(Object.entries(all).filter(([name]) => name in word));
  const shown = { values: left(written.values), origins: left(written.origins) } as Layer;
  const kept = groups.filter((group) => survivor.groups.includes(group));
  return { id: merged.id, ...together({ told, written: shown, groups: kept, brought: {} }) };
}

/** A contact's own contents: what merges brought belongs to others. */
export function ownOf(contact: Contents): Contents {
  const { told, written } = apart(contact);
  return together({
    told: unmerged(told, () => true),
    written: unmerged(written, () => true),
    groups: ownGroups(contact),
    brought: {},
  });
}

function ownGroups({ groups, provenance }: Contents): string[] {
  const brought = Object.values(provenance.groups ?? {}).flat();
  return groups.filter((group) => !brought.includes(group));
}

/** Values by name, without empty ones, and where they come from. */
interface Layer {
  values: Readonly<Record<string, string | boolean>>;
  origins: Readonly<Record<string, FieldOrigin>>;
}

/** A contact as what the provider told, and what was written over that. */
interface Parts {
  told: Layer;
  written: Layer;
  groups: readonly string[];
  brought: NonNullable<Provenance['groups']>;
}

function apart({ fields, edits, provenance, groups }: Contents): Parts {
  const { name, company, groups: brought = {}, ...others } = provenance;
  if (edits.company === undefined)
    return {
      told: layerOf({ ...fields }, { ...others, company }),
      written: layerOf({ ...edits }, { name }),
      groups,
      brought,
    };
  const { over, ...edit } = company ?? {};
  return {
    told: layerOf({ ...fields, company: over?.value }, { ...others, company: over?.origin }),
    written: layerOf({ ...edits }, { name, company: company && (edit as FieldOrigin) }),
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

const noFields: ContactFields = {
  phoneNumber: null,
  savedName: null,
  pushName: null,
  verifiedName: null,
  company: null,
  profileImageUrl: null,
  whatsappStatus: null,
  isBusinessAccount: false,
};

function together({ told, written, groups, brought }: Parts): Contents {
  const fields: ContactFields = { ...noFields, ...told.values };
  const edits: ContactEdits = written.values;
  const { company: edit } = written.origins;
  const over = { value: fields.company, origin: told.origins['company'] ?? null };
  return {
    fields: { ...fields, company: edits.company ?? fields.company },
    edits,
    provenance: {
      ...told.origins,
      ...written.origins,
      ...(edit && { company: { ...edit, over } }),
      ...(Object.keys(brought).length ? { groups: brought } : {}),
    },
    groups,
  };
}

/** The layer with what it lacks of `other`'s values, of those `names` alone. */
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

/** The layer without what came of these contacts, by a merge or by entries under their identity since. */
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
