import { isWorking } from '../../domain/accounts.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { hasLogin } from '../../db/queries/accounts/lock-accounts.ts';
import type { Vault } from '../../db/vault.ts';
import type { DueAccount } from '../../db/queries/accounts/lease-due-accounts.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import {
  loadContacts,
  writeContacts,
  type ContactRow,
  type WritingOf,
} from '../../db/queries/contacts/contact-rows.ts';
import {
  addPhoneAlias,
  contactsUnderLid,
  contactsWithoutPicture,
  deferCompletion,
  noteLidAsked,
  notePicturesAsked,
  oldestPicture,
} from '../../db/queries/contacts/incomplete-contacts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { mergeContacts } from '../../db/queries/contacts/merge-contacts.ts';
import { erasedPeople } from '../../db/queries/erasures/filter-erased.ts';
import { findPerson } from '../../db/queries/erasures/find-person.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { phoneIdentity } from '../../domain/identities.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';

/** Contacts that are asked about, then written together. */
const batch = 10;
/** A picture's address is asked for again after this: it expires, at an unknown moment. */
const freshMs = 7 * 86_400_000;

/** One account's completion: its provider, its clock and when to stop. */
interface Completion {
  tenantId: string;
  accountId: string;
  reader: ContactReader;
  call: () => ProviderCall;
  now: () => Date;
  isOver: () => boolean;
  signal: AbortSignal;
}

/** Asks for the pictures and numbers that an account's contacts lack, and notes when it is due again. */
export async function completeContacts(
  context: Context,
  { id: accountId, tenant_id: tenantId }: DueAccount,
  now: () => Date,
  isOver: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const connection = await context.db.tenant(tenantId, async (em) => {
    const account = await em.findOneOrFail(Account, { id: accountId });
    if (!account.providerAccountId || !isWorking(account)) return null;
    return connectionTo(context, em, account, now(), account.providerAccountId, 'backfill');
  });
  const reader = connection?.provider.contacts;
  let again: Date | null = null;
  if (connection && reader) {
    const call = (): ProviderCall => ({ ...connection.call, signal, now: now().getTime() });
    const completion = { tenantId, accountId, reader, call, now, isOver, signal };
    // Each may be refused for good without the other.
    const results = [
      await laterIfRefused(context, completion, resolveLids),
      await laterIfRefused(context, completion, fetchPictures),
    ];
    again = results.reduce((soonest, one) => (one && (!soonest || one < soonest) ? one : soonest), null);
  }
  await context.db.tenant(tenantId, (em) => deferCompletion(em, accountId, again));
}

/** When to go on, as the work or its failure says; null when nothing is left. */
async function laterIfRefused(
  context: Context,
  completion: Completion,
  work: (context: Context, completion: Completion) => Promise<Date | null>,
): Promise<Date | null> {
  try {
    return await work(context, completion);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const { accountId: account, tenantId: tenant, now } = completion;
    context.log.info({ account, tenant, code: error.code }, 'the rest is asked for later');
    const { action } = failureRow(error.code);
    const waits = action === 'wait' || action === 'retry';
    return new Date(now().getTime() + (waits ? (error.retryAfterMs ?? 60_000) : 86_400_000));
  }
}

/** What is asked about one contact after another. */
interface Question {
  perMinute: number;
  /** The contacts to ask about next; a time when that must wait, null when none is left. */
  next(): Promise<{ id: string; identity: string }[] | Date | null>;
  ask(identity: string): Promise<string | null>;
  /** Stores answers by contact. */
  keep(answers: ReadonlyMap<string, string | null>): Promise<void>;
}

/** Answers when to go on. Throws `ProviderFailure`; the answers until then are stored. */
async function askInBatches(
  { now, isOver, signal }: Completion,
  { perMinute, next, ask, keep }: Question,
): Promise<Date | null> {
  for (let asked = 0; !isOver();) {
    const contacts = await next();
    if (!Array.isArray(contacts)) return contacts;
    const answers = new Map<string, string | null>();
    try {
      for (const { id, identity } of contacts) {
        // A pause after each minute's share: other callers use the same limit.
        if (asked > 0 && asked % perMinute === 0) await sleep(61_000, undefined, { signal });
        asked += 1;
        answers.set(id, await orNullIfRefused(() => ask(identity)));
      }
    } finally {
      if (answers.size) await keep(answers);
    }
  }
  // The next activity counts its minutes anew.
  return new Date(now().getTime() + 61_000);
}

/** Null where the provider refuses to answer for this one contact, so that it does not block the others for ever. */
async function orNullIfRefused(ask: () => Promise<string | null>): Promise<string | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProviderFailure && ['request_refused', 'not_found'].includes(error.code)) return null;
    throw error;
  }
}

/**
 * Asks for the numbers behind LIDs, once each. A number that belongs to another contact shows that the two are one
 * person.
 */
export function resolveLids(context: Context, completion: Completion): Promise<Date | null> {
  const { tenantId, accountId, reader, call, now } = completion;
  const { phoneOf, limits } = reader;
  if (!phoneOf) return Promise.resolve(null);
  return askInBatches(completion, {
    perMinute: limits.phonesPerMinute,
    next: async () => {
      const found = await context.db.tenant(tenantId, (em) => contactsUnderLid(em, accountId, batch));
      return found.length ? found.map(({ id, lid }) => ({ id, identity: lid })) : null;
    },
    ask: (lid) => phoneOf(call(), lid),
    keep: (phones) =>
      keeping(context, completion, (em) => keepPhones(em, context.vault, { tenantId, accountId, at: now() }, phones)),
  });
}

/**
 * Stores answers under the lock that every writer of contacts takes. Throws `not_connected` for those of a login that the
 * account has no more.
 */
const keeping = (
  { db }: Context,
  { tenantId, accountId, call }: Completion,
  keep: (em: Em) => Promise<void>,
): Promise<void> =>
  db.tenant(tenantId, async (em) => {
    await lockContacts(em, accountId);
    if (!(await hasLogin(em, accountId, call().providerAccountId ?? '')))
      throw new ProviderFailure('not_connected', 'The account has another login now.');
    await keep(em);
  });

async function keepPhones(
  em: Em,
  vault: Vault,
  of: WritingOf,
  phones: ReadonlyMap<string, string | null>,
): Promise<void> {
  for (const [id, phone] of phones) {
    await noteLidAsked(em, id, of.at);
    if (phone && !(await isErased(em, vault, of, id, phone))) await learnPhone(em, of, id, phone);
  }
}

/** Whether the number is of an erased person; the erasure then begins again, and takes this contact too. */
async function isErased(em: Em, vault: Vault, of: WritingOf, id: string, phone: string): Promise<boolean> {
  const known = await findPerson(em, { subjects: [], contactIds: [id] }, of.accountId);
  const names = [...known.subjects, phoneIdentity(phone)];
  return (await erasedPeople(em, vault, of.tenantId, [names], of.at)).size > 0;
}

async function learnPhone(em: Em, of: WritingOf, id: string, phone: string): Promise<void> {
  const row = (await loadContacts(em, of.accountId, [id])).get(id);
  // An entry may have told the number since it was asked for.
  if (!row?.identity || row.fields.phoneNumber !== null) return;
  const owner = await addPhoneAlias(em, of, { id, lid: row.identity }, phone);
  if (owner === null) return;
  if (owner !== id) {
    await mergeContacts(em, of, owner, [id]);
    return;
  }
  const kept = await contactFieldPolicy(em, of.tenantId);
  if (kept && !kept.has('phoneNumber')) return;
  row.fields.phoneNumber = phone;
  row.provenance.phoneNumber = { source: 'translation', at: of.at.toISOString() };
  await writeContacts(em, of, [row]);
}

function fetchPictures(context: Context, completion: Completion): Promise<Date | null> {
  const { tenantId, accountId, reader, call, now } = completion;
  return askInBatches(completion, {
    perMinute: reader.limits.picturesPerMinute,
    next: () =>
      context.db.tenant(tenantId, async (em) =>
        (await keepsPictures(em, tenantId)) ? nextPictures(em, accountId, now(), reader.limits.picturesPerDay) : null,
      ),
    ask: (identity) => reader.picture(call(), identity),
    keep: (urls) => keeping(context, completion, (em) => keepPictures(em, { tenantId, accountId, at: now() }, urls)),
  });
}

/**
 * Contacts whose pictures to ask for next, as far as the day's quota goes; counted at once, so that a worker that dies
 * has used them.
 */
async function nextPictures(
  em: Em,
  accountId: string,
  now: Date,
  perDay: number,
): Promise<{ id: string; identity: string }[] | Date | null> {
  const day = now.toISOString().slice(0, 10);
  const account = await em.findOneOrFail(Account, { id: accountId });
  const used = account.pictureCalls?.day === day ? account.pictureCalls.count : 0;
  const left = Math.min(batch, perDay - used);
  const contacts = await contactsWithoutPicture(em, accountId, new Date(now.getTime() - freshMs), Math.max(left, 1));
  if (!contacts.length) {
    const oldest = await oldestPicture(em, accountId);
    return oldest && new Date(oldest.getTime() + freshMs);
  }
  if (left <= 0) return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000);
  account.pictureCalls = { day, count: used + contacts.length };
  return contacts;
}

/** Whether the tenant keeps pictures at all. */
async function keepsPictures(em: Em, tenantId: string): Promise<boolean> {
  const kept = await contactFieldPolicy(em, tenantId);
  return kept === null || kept.has('profileImageUrl');
}

/** Stores pictures' addresses; an address as before is no change. */
async function keepPictures(em: Em, of: WritingOf, urls: ReadonlyMap<string, string | null>): Promise<void> {
  if (!(await keepsPictures(em, of.tenantId))) return;
  const held = await loadContacts(em, of.accountId, [...urls.keys()]);
  const changed: ContactRow[] = [];
  for (const [id, row] of held) {
    const url = urls.get(id) ?? null;
    if (url === row.fields.profileImageUrl) continue;
    row.provenance.profileImageUrl = { source: 'provider', at: of.at.toISOString() };
    row.fields.profileImageUrl = url;
    changed.push(row);
  }
  await writeContacts(em, of, changed);
  await notePicturesAsked(em, [...held.keys()], of.at);
}
