import { afterMerge, afterNewOwner, afterUnmerge, inSight, ownOf } from '../../../domain/contact-merges.ts';
import { phoneOf, type Identity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { dropIdentity, loadContacts, loadMerged, type ContactRow } from './contact-rows.ts';

/** The contacts that a page changes, as they are in memory until it is written. */
export class HeldContacts {
  readonly #em: Em;
  readonly #accountId: string;
  /** RFC 3339. */
  readonly #at: string;
  readonly #held = new Map<string, ContactRow>();
  /** Merged contacts, by their survivor. */
  readonly #merged = new Map<string, ContactRow[]>();
  readonly #changed = new Map<string, ContactRow>();
  /** In this order: earlier merges into `id` are repointed to `survivor`. */
  readonly #merges: { id: string; survivor: string }[] = [];

  constructor(em: Em, accountId: string, at: string) {
    this.#em = em;
    this.#accountId = accountId;
    this.#at = at;
  }

  /** Loads survivors with the contacts merged into them. */
  async load(roots: readonly string[]): Promise<void> {
    const found = await loadContacts(this.#em, this.#accountId, roots);
    for (const [id, row] of found) this.#held.set(id, row);
    const merged = found.size ? await loadMerged(this.#em, this.#accountId, roots) : [];
    for (const row of merged) this.#mergedInto(row.mergedInto ?? '').push(row);
  }

  /** A survivor. */
  get(id: string): ContactRow | undefined {
    return this.#held.get(id);
  }

  add(row: ContactRow): void {
    this.#held.set(row.id, row);
  }

  /** Notes that a contact is to be written. */
  changed(row: ContactRow): void {
    this.#changed.set(row.id, row);
  }

  written(): ContactRow[] {
    return [...this.#changed.values()];
  }

  merge(row: ContactRow, other: ContactRow): void {
    const along = this.#mergedInto(other.id);
    const shown = along.map((one) => inSight(one, other));
    Object.assign(other, ownOf(other), { mergedInto: row.id });
    for (const one of [other, ...shown]) Object.assign(row, afterMerge(row, one, this.#at));
    this.#merged.set(other.id, []);
    for (const one of [other, ...along]) {
      one.mergedInto = row.id;
      this.#mergedInto(row.id).push(one);
    }
    this.#changed.set(other.id, other);
    this.#merges.push({ id: other.id, survivor: row.id });
  }

  /** A merged contact leaves its survivor, with what it brought. */
  leave(rootId: string, id: string): void {
    const root = this.#held.get(rootId);
    const leaving = this.#mergedInto(rootId).find((one) => one.id === id);
    if (!root || !leaving) return;
    const staying = this.#mergedInto(rootId).filter((one) => one !== leaving);
    this.#merged.set(rootId, staying);
    Object.assign(root, afterUnmerge(root, id, staying, this.#at));
    leaving.mergedInto = null;
    this.#held.set(id, leaving);
    this.#changed.set(id, leaving).set(rootId, root);
  }

  /** A contact, or its survivor, is no longer known by this alias. */
  lose(rootId: string, alias: Identity, rest: string | null): void {
    const row = this.#held.get(rootId);
    if (!row) return;
    const phone = phoneOf(alias);
    if (phone !== null && row.fields.phoneNumber === phone) {
      const { phoneNumber: _origin, ...provenance } = row.provenance;
      Object.assign(row, { fields: { ...row.fields, phoneNumber: null }, provenance });
    }
    if (row.identity === alias.value) dropIdentity(row, rest);
    this.#changed.set(row.id, row);
  }

  /** The contact's number belongs to another person now: the next values are all that is known of them. */
  renew(row: ContactRow): void {
    Object.assign(row, afterNewOwner(row), { raw: null, pictureAt: null });
    this.#changed.set(row.id, row);
  }

  /** Repoints earlier merges at their new survivors; after the contacts were written. */
  async repoint(): Promise<void> {
    for (const { id, survivor } of this.#merges)
      await rows(this.#em, sql`update contacts set merged_into = ${survivor} where merged_into = ${id}`);
  }

  #mergedInto(survivor: string): ContactRow[] {
    const merged = this.#merged.get(survivor) ?? [];
    this.#merged.set(survivor, merged);
    return merged;
  }
}
