import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { addCounts } from '../../db/queries/erasures/erasures.ts';
import { erasedNote } from '../../db/queries/webhooks/webhook-subjects.ts';

/** Drops the bodies of these events with whom they speak of. An event without a body has not failed any more. */
export async function dropBodies(em: Em, erasureId: string, events: readonly { id: string }[]): Promise<void> {
  if (!events.length) return;
  const ids = arrayOf(events.map(({ id }) => id));
  const bodies = await rows(
    em,
    `update webhook_events set body = null, error = ?,
       state = case when state = 'failed' then 'processed' else state end
     where id = any(?::uuid[]) and body is not null returning id`,
    [erasedNote, ids],
  );
  await rows(em, 'delete from webhook_subjects where event_id = any(?::uuid[])', [ids]);
  await addCounts(em, erasureId, { webhook_bodies: bodies.length });
}
