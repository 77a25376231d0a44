import { setTimeout as pause } from 'node:timers/promises';
import { arrayOf, rows } from '../../db/connect.ts';
import { closeErasure, runningErasure } from '../../db/queries/erasures/erasures.ts';
import { digestsOf } from '../../db/queries/erasures/ledger.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import type { Subject } from '../../domain/erasure.ts';
import { timeOf, type Context } from '../context.ts';
import { dropBodies } from './drop-bodies.ts';
import { eraseAnswers } from './erase-answers.ts';
import { eraseLargeBodies } from './erase-large-bodies.ts';
import { eraseRuns } from './erase-runs.ts';
import type { ErasingRef } from './remember-erased.ts';

/** Bodies that one transaction drops at most. */
const batch = 1_000;

/**
 * Takes away what else speaks of the person: sealed bodies of events, runs of syncs that were about them, kept answers.
 * Then the erasure is done, and this answers true; false where a new name of the person became known meanwhile.
 */
export async function eraseRecords(context: Context, ref: ErasingRef): Promise<boolean> {
  const { db, vault } = context;
  const { tenantId, erasureId } = ref;
  const running = await db.tenant(tenantId, (em) => runningErasure(em, vault, erasureId));
  if (!running) return true;
  await writersBefore(context);
  const digests = await db.tenant(tenantId, (em) => digestsOf(em, erasureId));
  await eraseBodies(context, ref);
  await eraseBodiesOfNobody(context, ref, running.person.subjects);
  await eraseLargeBodies(context, ref, digests);
  await eraseRuns(context, ref, digests);
  await eraseAnswers(context, ref, running.person);
  return db.tenant(tenantId, async (em) => {
    const now = await runningErasure(em, vault, erasureId, true);
    if (now && now.person.subjects.length > running.person.subjects.length) return false;
    await closeErasure(em, erasureId, timeOf(context, ref));
    return true;
  });
}

/**
 * Waits until every transaction has ended that is storing events now: it may have looked into the ledger before the
 * person stood there. Intake writes its event before it looks, and holds the table's lock from then on, so none is
 * missed; nobody is held up.
 */
async function writersBefore({ db }: Context): Promise<void> {
  let writers = await db.system((em) => rows<{ id: string }>(em, storing));
  while (writers.length) {
    await pause(50);
    const before = new Set(writers.map(({ id }) => id));
    writers = (await db.system((em) => rows<{ id: string }>(em, storing))).filter(({ id }) => before.has(id));
  }
}

const storing = `select distinct virtualtransaction as id from pg_locks
  where locktype = 'relation' and relation in ('webhook_events'::regclass, 'webhook_subjects'::regclass)
    and mode = 'RowExclusiveLock'
    and database = (select oid from pg_database where datname = current_database())`;

async function eraseBodies({ db }: Context, { tenantId, erasureId }: ErasingRef): Promise<void> {
  for (let found = batch; found === batch;)
    found = await db.tenant(tenantId, async (em) => {
      const events = await rows<{ id: string }>(
        em,
        `select distinct s.event_id as id from erased_subjects l
         join webhook_subjects s on s.digest = l.digest and s.tenant_id = l.tenant_id
         where l.erasure_id = ? limit ?`,
        [erasureId, batch],
      );
      await dropBodies(em, erasureId, events);
      return events.length;
    });
}

/**
 * Events at the installation's webhooks that could not be applied are nobody's; those that name an upstream account of
 * the tenant are its own all the same.
 */
async function eraseBodiesOfNobody(
  { db, vault }: Context,
  { tenantId, erasureId }: ErasingRef,
  subjects: readonly Subject[],
): Promise<void> {
  if (!subjects.length) return;
  await db.system(async (em) => {
    const ledger = await openLedger(em, vault);
    const digests = subjects.map((one) => ledger.digest(null, one));
    const events = await rows<{ id: string }>(
      em,
      `select distinct e.id from webhook_subjects s join webhook_events e on e.id = s.event_id
       join accounts a on a.credentials_id = e.credentials_id and a.provider_account_id = e.provider_account_id
       where s.digest = any(?::text[]) and s.tenant_id is null and a.tenant_id = ?`,
      [arrayOf(digests), tenantId],
    );
    await dropBodies(em, erasureId, events);
  });
}
