import { targetOf } from '../../db/queries/syncs/sync-target.ts';
import { advanceRun, finishRun, noteSynced, seenPages } from '../../db/queries/syncs/contacts-run.ts';
import { atTheEnd } from '../../db/queries/syncs/held-runs.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import { contactsEveryMs } from '../../platform/config.ts';
import { timeOf, type Context } from '../context.ts';
import { Fenced, workOnRun, type Held, type HeldRef, type Holder } from '../syncs/held-run.ts';
import { readContacts, readGroup, readOne, readPeople, type ContactBatch, type Reading } from './read-contacts.ts';
import { savePage } from './save-page.ts';
import { ContactSyncStats } from './contact-sync-stats.ts';

/** From this try on contacts are read in the provider's pages: at once they may be too many. */
const triesAtOnce = 4;

/** Works on an account's running contacts sync, as `workOnRun` does. */
export const syncContacts = (context: Context, ref: HeldRef, holder: Holder): Promise<SyncProgress> =>
  workOnRun(context, ref, holder, async (held) => {
    const pages = await context.db.tenant(ref.tenantId, (em) => seenPages(em, held.run.id));
    const counted = new ContactSyncStats(held.run.stats, pages);
    const outcome = await readAll(context, ref, held, counted);
    return { outcome, counts: { ...counted.stats } };
  });

/** Reads and writes from the run's cursor to its end. */
async function readAll(
  context: Context,
  ref: HeldRef,
  held: Held,
  counted: ContactSyncStats,
): Promise<'done' | 'again' | 'more'> {
  const { run, holder } = held;
  const readAt = timeOf(context, ref);
  let from = run.cursor;
  const pages = from === atTheEnd ? nothing() : await pagesOf(context, ref, held);
  for await (const page of pages) {
    const to = page.cursor ?? atTheEnd;
    await savePage(context, ref, held, counted, page, readAt, (em, stats, seen) =>
      advanceRun(em, ref, { id: run.id, from, to, part: page.part, stats, seen }, holder.id, held.until()),
    );
    holder.counted?.(counted.stats);
    from = to;
    if (page.cursor !== null && held.isOver()) return 'more';
  }
  return context.db.tenant(ref.tenantId, async (em) => {
    const at = timeOf(context, ref);
    const outcome = await finishRun(em, context.vault, ref, run.id, holder.id, at);
    if (!outcome) throw new Fenced('taken');
    if (outcome === 'done') await noteSynced(em, ref, at, contactsEveryMs(context.config));
    return outcome;
  });
}

async function* nothing(): AsyncGenerator<ContactBatch> {}

async function pagesOf(context: Context, ref: HeldRef, held: Held): Promise<AsyncIterable<ContactBatch>> {
  const { run, provider, holder } = held;
  if (!provider.contacts) throw new ProviderFailure('unsupported', 'The provider has no address book.');
  const reading: Reading = { ...held, reader: provider.contacts };
  const target = targetOf(await context.vault.keysOf(context.db, ref.tenantId), run);
  if (target && 'phone' in target) return readOne(reading, target.phone);
  if (target && 'group' in target) return readGroup(context, ref, reading, target.group, run.cursor);
  if (target) return readPeople(context, ref, reading, target, run.cursor);
  return readContacts(reading, run.cursor, holder.try >= triesAtOnce);
}
