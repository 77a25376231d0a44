import { setTimeout as pause } from 'node:timers/promises';
import { leaseEndpoints, prolongLeases } from '../../db/queries/outgoing/lease-endpoints.ts';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';
import { startCourier, type Courier, type Crew } from './courier.ts';
import { createSettler } from './settler.ts';
import { createSlots } from './slots.ts';

export interface Delivering {
  /** Looks at once for what is due: the clock jumped. */
  nudge(): void;
  /** Requests that are under way may end within the grace of the process; what is cut is delivered again. */
  stop(): Promise<void>;
}

/** Requests at once of one process, and endpoints that it leases at once. */
const most = { requests: 50, leases: 25 };
/** The shortest and the longest pause between two looks, in milliseconds; a look takes a tenth of the time at most. */
const restMs = { least: 200, most: 1_000 };
/** How often events of any age are looked for, and how often leases are prolonged, in milliseconds. */
const thoroughMs = 10_000;
const prolongMs = 5_000;

/**
 * Delivers events to webhook endpoints, until `stop`. Endpoints are leased one by one, each to one worker at a time, so
 * that the order within a conversation needs no lock. A process that dies leaves its endpoints to another one once their
 * leases are over.
 */
export function startDelivering(context: Context): Delivering {
  const { db, clock, log, config } = context;
  const workerId = newId();
  const couriers = new Map<string, Courier>();
  const slots = createSlots(most.requests);
  const settler = createSettler(context);
  const cut = new AbortController();
  const offer = (): void => {
    for (const id of slots.wanting()) couriers.get(id)?.begin();
  };
  const crew: Crew = { context, workerId, slots, settler, cut: cut.signal, offer };
  let isStopped = false;
  let isNudged = false;
  let thoroughAt = -Infinity;
  let prolongedAt = performance.now();
  let awake = new AbortController();

  const lease = async (): Promise<void> => {
    const room = Math.min(most.leases, slots.free());
    if (room === 0) return;
    const at = performance.now();
    const isThorough = isNudged || at - thoroughAt > thoroughMs;
    isNudged = false;
    const leased = await db.system((em) => leaseEndpoints(em, workerId, room, clock.now(), isThorough));
    if (isThorough) thoroughAt = at;
    for (const endpoint of leased) {
      const courier = startCourier(crew, endpoint, at);
      couriers.set(endpoint.id, courier);
      void courier.ended.then(() => {
        couriers.delete(endpoint.id);
        offer();
      });
    }
  };
  const prolong = async (): Promise<void> => {
    const at = performance.now();
    if (!couriers.size || at - prolongedAt < prolongMs) return;
    prolongedAt = at;
    const held = [...couriers];
    const ids = held.map(([id]) => id);
    const still = new Map(
      (await db.system((em) => prolongLeases(em, workerId, ids))).map(({ id, version }) => [id, version]),
    );
    for (const [id, courier] of held) courier.prolonged(still.get(id) === courier.version ? at : null);
  };
  const keepLooking = async (): Promise<void> => {
    while (!isStopped) {
      const began = performance.now();
      try {
        await prolong();
        await lease();
      } catch (error) {
        log.warn({ err: error }, 'webhook endpoints could not be looked at; the next look tries again');
      }
      const rest = Math.min(restMs.most, Math.max(restMs.least, 10 * (performance.now() - began)));
      if (isStopped || isNudged) continue;
      awake = new AbortController();
      await pause(rest, undefined, { signal: awake.signal, ref: false }).catch(() => undefined);
    }
  };
  const looking = keepLooking();
  return {
    nudge: () => {
      isNudged = true;
      awake.abort();
    },
    stop: async () => {
      isStopped = true;
      awake.abort();
      await looking;
      for (const courier of couriers.values()) courier.stop();
      const grace = setTimeout(() => cut.abort(), config.SHUTDOWN_GRACE_SECONDS * 1_000);
      await Promise.all([...couriers.values()].map(({ ended }) => ended));
      clearTimeout(grace);
      await settler.stop();
    },
  };
}
