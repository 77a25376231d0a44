import type { Em } from '../../db/connect.ts';
import type { SendingStop } from '../../db/entities/tenants.ts';
import { stopQueues } from '../../db/queries/sends/stop-queues.ts';
import { addStop, allStops, removeStop, stopsOf } from '../../db/queries/tenants/sending-stops.ts';
import { addTenantLines } from '../../db/queries/tenants/timeline.ts';
import type { StopReason } from '../../domain/sending-stops.ts';
import { firstId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';

/** A stop of one tenant, or of all of them (null). Not `restored`: a restore begins that by itself. */
export interface Stop {
  tenantId: string | null;
  reason: Exclude<StopReason, 'restored'>;
}

/**
 * Stops sending until `startSending`: messages are taken and wait in their order. Once it has answered no worker begins to send
 * another one; what was being handed over at that moment goes out. Answers the stops that are in force.
 */
export async function stopSending(
  context: Pick<Context, 'db' | 'clock'>,
  { tenantId, reason }: Stop,
  note: string | null,
): Promise<SendingStop[]> {
  const { clock } = context;
  await inRole(context, tenantId, async (em) => {
    const now = clock.now();
    if (!(await addStop(em, tenantId, reason, note, now))) return;
    const line = { at: now, kind: 'sending_stopped', text: 'Sending was stopped: messages wait.' };
    await addTenantLines(em, tenantId, { ...line, data: { reason, note } });
  });
  for (let after: string | null = firstId; after !== null;) {
    const from: string = after;
    after = await inRole(context, tenantId, (em) => stopQueues(em, tenantId, 'stopped', clock.now(), from));
  }
  return inRole(context, tenantId, (em) => stopsIn(em, tenantId));
}

/** Lifts a stop; messages go on in their order where no other one is in force. Answers those that are. */
export function startSending(
  context: Pick<Context, 'db' | 'clock'>,
  { tenantId, reason }: Stop,
): Promise<SendingStop[]> {
  return inRole(context, tenantId, async (em) => {
    const isLifted = await removeStop(em, tenantId, reason);
    const left = await stopsIn(em, tenantId);
    const text = left.length ? 'A stop of sending was lifted; another one is in force.' : 'Sending goes on.';
    if (isLifted)
      await addTenantLines(em, tenantId, { at: context.clock.now(), kind: 'sending_started', text, data: { reason } });
    return left;
  });
}

const stopsIn = (em: Em, tenantId: string | null): Promise<SendingStop[]> =>
  tenantId === null ? allStops(em) : stopsOf(em, tenantId);

/** A tenant's own request has its rights alone; the operator's commands cross tenants. */
const inRole = <T>({ db }: Pick<Context, 'db'>, tenantId: string | null, work: (em: Em) => Promise<T>): Promise<T> =>
  tenantId === null ? db.system(work) : db.tenant(tenantId, work);
