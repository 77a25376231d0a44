import { circuit } from '../../domain/deliveries.ts';
import type { Em } from '../../db/connect.ts';
import { closeCircuit, disableGone, openCircuit } from '../../db/queries/outgoing/circuit.ts';
import { lockLease, releaseEndpoint, type LeasedEndpoint } from '../../db/queries/outgoing/lease-endpoints.ts';
import { addTenantEvent } from '../../db/queries/tenants/timeline.ts';
import type { Context } from '../context.ts';

/** How a worker leaves an endpoint. */
export interface EndOfLease {
  /**
   * `failing`: too many failures in a row, or a failed probe. `resumed`: a probe arrived. `changed`: another lease goes on at
   * once. `broken`: an error of ours; another lease goes on soon.
   */
  why: 'done' | 'changed' | 'broken' | 'failing' | 'resumed' | 'gone';
  /** In a row. */
  failures: number;
  /** When a delivery may be tried, in milliseconds of the epoch; null where none waits. */
  nextAt: number | null;
}

/** Opens or closes the circuit of an endpoint, tells the tenant's timeline, and lets another worker have the endpoint. */
export async function endLease(
  { db, clock, log }: Context,
  workerId: string,
  { id, tenantId }: LeasedEndpoint,
  { why, failures, nextAt }: EndOfLease,
): Promise<void> {
  const now = clock.now();
  const told = await db.system(async (em) => {
    if (!(await lockLease(em, workerId, id))) return null;
    const kind = (await movedTo(em, id, why, failures, now)) ?? null;
    if (kind) addTenantEvent(em, { tenantId, at: now, kind, text: lines[kind], data: { endpoint_id: id } });
    await releaseEndpoint(em, workerId, id, dueAfter(why, nextAt, now), failures);
    return kind;
  });
  if (told) log.info({ tenant: tenantId, endpoint: id, kind: told }, 'an endpoint changed its state');
}

/** After an error of ours, in milliseconds. */
const restMs = 10_000;

type Kind = keyof typeof lines;

async function movedTo(
  em: Em,
  id: string,
  why: EndOfLease['why'],
  failures: number,
  now: Date,
): Promise<Kind | undefined> {
  if (why === 'gone' && (await disableGone(em, id, now))) return 'endpoint_disabled';
  if (why === 'failing' && (await openCircuit(em, id, failures, now))) return 'endpoint_paused';
  return why === 'resumed' && (await closeCircuit(em, id, now)) ? 'endpoint_resumed' : undefined;
}

function dueAfter(why: EndOfLease['why'], nextAt: number | null, now: Date): Date | null {
  if (why === 'failing') return new Date(now.getTime() + circuit.probeEveryMs);
  if (why === 'broken') return new Date(now.getTime() + restMs);
  if (why !== 'done') return now;
  return nextAt === null ? null : new Date(nextAt);
}

const lines = {
  endpoint_paused: 'Deliveries to a webhook endpoint failed again and again: one is tried each minute.',
  endpoint_resumed: 'A webhook endpoint takes deliveries again.',
  endpoint_disabled: 'A webhook endpoint answered 410 Gone and was disabled.',
} as const;
