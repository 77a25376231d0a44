import type { Em } from '../../db/connect.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import { noteIncomplete } from '../../db/queries/contacts/incomplete-contacts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { filterErased } from '../../db/queries/erasures/filter-erased.ts';
import { newestWholeRead } from '../../db/queries/syncs/newest-runs.ts';
import { aliasesOf, type SeenContact } from '../../domain/contacts.ts';
import type { Context } from '../context.ts';
import { byHalves } from '../syncs/by-halves.ts';

/** What an event tells of an account's contacts. */
export interface ToldContacts {
  contacts: readonly SeenContact[];
  /** When it was sent, in milliseconds since the epoch; null where it does not tell. */
  at: number | null;
  /** When it was received, likewise. */
  receivedAt: number;
}

/** By how much the clocks of a provider and ours may differ, in milliseconds. */
const skewMs = 60_000;
/** Entries that are written together. */
const most = 500;

/**
 * Writes what events tell of an account's contacts, in the caller's transaction, by the rules of a sync: nothing of erased
 * people, only the fields that the tenant keeps. Events that a read of the whole address book is newer than tell nothing.
 * `leavesOut`: an entry that cannot be stored is left out, by savepoints; else it throws. Takes the lock of the contacts.
 */
export async function applyContactEvents(
  context: Context,
  em: Em,
  of: { tenantId: string; accountId: string },
  events: readonly ToldContacts[],
  leavesOut: boolean,
): Promise<void> {
  const { vault, clock, log } = context;
  await lockContacts(em, of.accountId);
  const now = clock.now();
  const read = await newestWholeRead(em, of.accountId);
  const oldest = read === null ? 0 : read.getTime() - skewMs;
  const told = events.flatMap(({ contacts, at, receivedAt }) => {
    const toldAt = Math.min(at ?? receivedAt, receivedAt);
    return toldAt < oldest ? [] : contacts.map((one): SeenContact => ({ ...one, toldAt }));
  });
  const { entries } = await filterErased(em, vault, of.tenantId, told, now);
  const keep = await contactFieldPolicy(em, of.tenantId);
  const saving = { ...of, at: now, vault, keep };
  let isChanged = false;
  for (const some of roundsOf(entries)) {
    const save = (inner: Em, part: readonly SeenContact[]) => saveContacts(inner, saving, part);
    const saved = leavesOut
      ? await byHalves(em, some, save, (error) =>
          log.warn({ account: of.accountId, err: error }, 'a contact of a webhook cannot be stored'),
        )
      : [await save(em, some)];
    isChanged ||= saved.flat().some(({ outcome }) => outcome !== 'unchanged');
  }
  if (isChanged) await noteIncomplete(em, of.accountId, now);
}

/** Entries in their order; those that share an identity are written one after the other. */
function roundsOf(entries: readonly SeenContact[]): SeenContact[][] {
  const rounds: SeenContact[][] = [];
  let seen = new Set<string>();
  for (const entry of entries) {
    const round = rounds.at(-1);
    const names = aliasesOf(entry).map(({ value }) => value);
    if (round && round.length < most && !names.some((name) => seen.has(name))) round.push(entry);
    else {
      rounds.push([entry]);
      seen = new Set();
    }
    for (const name of names) seen.add(name);
  }
  return rounds;
}
