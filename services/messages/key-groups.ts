import type { AskedKey, FoundKey } from '../../db/queries/messages/claim-keys.ts';
import { newId } from '../../platform/ids.ts';

type Kind = AskedKey['kind'];

/** Keys that are known, or turn out, to name one row. */
interface Group {
  kind: Kind;
  accountId: string;
  tenantId: string;
  keys: Set<string>;
  /** False: only effects of it came, so that there may be no row yet. */
  exists: boolean;
  id: string;
  /** Rows that are the same one, and go into it. */
  losers: string[];
  isNew: boolean;
}

const nameOf = (kind: Kind, accountId: string, key: string): string => `${kind} ${accountId} ${key}`;

/** Finds out which rows the keys of some facts name: each list of keys is of one row, and so are rows that share a key. */
export class KeyGroups {
  readonly #byKey = new Map<string, Group>();

  /** Adds the keys of one message, conversation or attendee. `exists` is false where it may have no row. */
  add(of: { accountId: string; tenantId: string }, kind: Kind, keys: readonly string[], exists = true): void {
    const [first, ...others] = keys.map((key) => this.#groupOf(of, kind, key));
    if (!first) return;
    first.exists ||= exists;
    for (const other of others) this.#join(first, other);
  }

  #groupOf({ accountId, tenantId }: { accountId: string; tenantId: string }, kind: Kind, key: string): Group {
    const name = nameOf(kind, accountId, key);
    const known = this.#byKey.get(name);
    if (known) return known;
    const keys = new Set([key]);
    const group = { kind, accountId, tenantId, keys, exists: false, id: newId(), losers: [], isNew: true };
    this.#byKey.set(name, group);
    return group;
  }

  #join(into: Group, other: Group): void {
    if (into === other) return;
    into.exists ||= other.exists;
    for (const key of other.keys) {
      into.keys.add(key);
      this.#byKey.set(nameOf(into.kind, into.accountId, key), into);
    }
  }

  all(kind?: Kind): Group[] {
    const groups = [...new Set(this.#byKey.values())];
    return kind ? groups.filter((one) => one.kind === kind) : groups;
  }

  asked(): AskedKey[] {
    return this.all().flatMap(({ accountId, tenantId, kind, keys, id, exists }) =>
      [...keys].map((key) => ({ accountId, tenantId, kind, key, proposed: exists ? id : null })),
    );
  }

  /** Takes in what the keys name. Of several rows the oldest stays. Returns the keys that must name another row now. */
  settle(found: readonly FoundKey[]): (Omit<FoundKey, 'targetId'> & { targetId: string })[] {
    const rowsOf = new Map<Group, Set<string>>();
    const byRow = new Map<string, Group>();
    const proposed = new Set(this.all().map(({ id }) => id));
    for (const { kind, accountId, key, targetId } of found) {
      let group = this.#byKey.get(nameOf(kind, accountId, key));
      if (!group || targetId === null || proposed.has(targetId)) continue;
      const other = byRow.get(targetId);
      if (other && other !== group) {
        this.#join(other, group);
        for (const row of rowsOf.get(group) ?? []) {
          rowsOf.get(other)?.add(row);
          byRow.set(row, other);
        }
        group = other;
      }
      byRow.set(targetId, group);
      const own = rowsOf.get(group) ?? new Set();
      rowsOf.set(group, own.add(targetId));
    }
    for (const [group, targets] of rowsOf) {
      const [oldest, ...losers] = [...targets].toSorted();
      if (!oldest) continue;
      Object.assign(group, { id: oldest, losers, isNew: false, exists: true });
    }
    return found.flatMap(({ targetId, ...key }) => {
      const group = this.#byKey.get(nameOf(key.kind, key.accountId, key.key));
      return group?.exists && targetId !== group.id ? [{ ...key, targetId: group.id }] : [];
    });
  }

  /** The row of something with these keys. */
  of(accountId: string, kind: Kind, keys: readonly string[]): Group | null {
    return this.#byKey.get(nameOf(kind, accountId, keys[0] ?? '')) ?? null;
  }
}

export type { Group };
