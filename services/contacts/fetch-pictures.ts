import { setTimeout as sleep } from 'node:timers/promises';
import { loadContacts, writeContacts, type ContactRow } from '../../db/queries/contacts/contact-rows.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import type { DueAccount } from '../../db/queries/accounts/lease-due-accounts.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { pictureQuota } from '../../domain/quotas.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';
import { orNullIfRefused } from './or-null-if-refused.ts';
import { resolveLids } from './resolve-lids.ts';

/** Pictures that are asked for, then written together. */
const batch = 10;
/** A picture's address is asked for again after this: it expires, at an unknown moment. */
const freshMs = 7 * 86_400_000;

/** Completes one account's people, and says when it is due again. */
export async function completeContacts(
  context: Context,
  { id: accountId, tenant_id: tenantId }: DueAccount,
  now: () => Date,
  isOver: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const of = { tenantId, accountId };
  const connection = await context.db.tenant(tenantId, async (em) => {
    const account = await em.findOneOrFail(Account, { id: accountId });
    if (!account.providerAccountId || account.state !== 'active') return null;
    return connectionTo(context, em, account, now(), account.providerAccountId);
  });
  const reader = connection?.provider.contacts;
  let again: Date | null = null;
  if (connection && reader) {
    const call = (): ProviderCall => ({ ...connection.call, signal, now: now().getTime() });
    // Either may be refused for good without the other.
    const results = [
      await laterIfRefused(context, of, now, () => resolveLids(context, of, reader, call, now, isOver)),
      await laterIfRefused(context, of, now, () => fetchPictures(context, of, reader, call, now, isOver)),
    ];
    again = results.reduce((soonest, one) => (one && (!soonest || one < soonest) ? one : soonest), null);
  }
  await context.db.tenant(tenantId, (em) =>
    rows(em, 'update accounts set pictures_due_at = ? where id = ? and pictures_due_at is not null', [
      again,
      accountId,
    ]),
  );
}

/** When to go on with it, as the work says, or as its failure does. */
async function laterIfRefused(
  context: Context,
  of: { tenantId: string; accountId: string },
  now: () => Date,
  work: () => Promise<Date | null>,
): Promise<Date | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    context.log.info({ account: of.accountId, tenant: of.tenantId, code: error.code }, 'the rest is asked for later');
    const { action } = failureRow(error.code);
    const waits = action === 'wait' || action === 'retry';
    return new Date(now().getTime() + (waits ? (error.retryAfterMs ?? 60_000) : 86_400_000));
  }
}

async function fetchPictures(
  context: Context,
  of: { tenantId: string; accountId: string },
  reader: ContactReader,
  call: () => ProviderCall,
  now: () => Date,
  isOver: () => boolean,
): Promise<Date | null> {
  for (let asked = 0; !isOver();) {
    const day = now().toISOString().slice(0, 10);
    const work = await context.db.tenant(of.tenantId, async (em) =>
      (await keepsPictures(em, of.tenantId)) ? nextPictures(em, of.accountId, now(), day) : null,
    );
    if (!work) return null;
    if (!work.people.length) return work.stale;
    if (work.left <= 0) return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000);
    const found = new Map<string, string | null>();
    try {
      for (const { id, who } of work.people) {
        // A pause after each fifty: what is allowed a minute is never used up, for others ask too.
        if (asked > 0 && asked % pictureQuota.perMinute === 0)
          await sleep(61_000, undefined, { signal: call().signal });
        asked += 1;
        found.set(id, await orNullIfRefused(() => reader.picture(call(), who)));
      }
    } finally {
      await keep(context, { ...of, at: now() }, found);
    }
  }
  // The next activity begins its count of a minute anew.
  return new Date(now().getTime() + 61_000);
}

/** Whose pictures to ask for next, as far as the day's quota goes; counted at once, so that a dead worker used them. */
async function nextPictures(
  em: Em,
  accountId: string,
  now: Date,
  day: string,
): Promise<{ people: { id: string; who: string }[]; left: number; stale: Date | null }> {
  const account = await em.findOneOrFail(Account, { id: accountId });
  const used = account.pictureCalls?.day === day ? account.pictureCalls.count : 0;
  const left = Math.min(batch, pictureQuota.perDay - used);
  const select = `select id, coalesce(wasender_jid, phone_number) as who from contacts
    where account_id = ? and merged_into is null and coalesce(wasender_jid, phone_number) is not null`;
  const limit = Math.max(left, 1);
  type Person = { id: string; who: string };
  const unknown = await rows<Person>(em, `${select} and picture_at is null order by id limit ?`, [accountId, limit]);
  const before = new Date(now.getTime() - freshMs);
  const people = unknown.length
    ? unknown
    : await rows<Person>(em, `${select} and picture_at < ? order by picture_at limit ?`, [accountId, before, limit]);
  if (left > 0) account.pictureCalls = { day, count: used + people.length };
  return { people, left, stale: people.length ? null : await nextStale(em, accountId) };
}

/** When the oldest address of an account will be asked for again. */
async function nextStale(em: Em, accountId: string): Promise<Date | null> {
  const [oldest] = await rows<{ at: string | null }>(
    em,
    'select min(picture_at)::text as at from contacts where account_id = ? and merged_into is null',
    [accountId],
  );
  return oldest?.at ? new Date(new Date(oldest.at).getTime() + freshMs) : null;
}

/** Whether the tenant keeps pictures at all. */
async function keepsPictures(em: Em, tenantId: string): Promise<boolean> {
  const kept = await contactFieldPolicy(em, tenantId);
  return kept === null || kept.has('profileImageUrl');
}

/**
 * Keeps the addresses that were told, under the lock that every writer of contacts takes. Who has the same as before is
 * not changed, only looked at.
 */
async function keep(
  context: Context,
  of: { tenantId: string; accountId: string; at: Date },
  found: ReadonlyMap<string, string | null>,
): Promise<void> {
  if (!found.size) return;
  const at = of.at.toISOString();
  await context.db.tenant(of.tenantId, async (em) => {
    await lockContacts(em, of.accountId);
    if (!(await keepsPictures(em, of.tenantId))) return;
    const held = await loadContacts(em, of.accountId, [...found.keys()]);
    const changed: ContactRow[] = [];
    for (const [id, row] of held) {
      const url = found.get(id) ?? null;
      if (url === row.fields.profileImageUrl) continue;
      row.provenance.profileImageUrl = { source: 'provider', at };
      row.fields.profileImageUrl = url;
      changed.push(row);
    }
    await writeContacts(em, of, changed);
    await rows(em, 'update contacts set picture_at = ? where id = any(?::uuid[])', [at, arrayOf([...held.keys()])]);
  });
}
