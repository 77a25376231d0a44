import { setTimeout as pause } from 'node:timers/promises';
import { circuit, pauseAfter, type DeliveryState } from '../../domain/deliveries.ts';
import { leaseSeconds, type LeasedEndpoint } from '../../db/queries/outgoing/lease-endpoints.ts';
import type { PendingDelivery } from '../../db/queries/outgoing/pending-deliveries.ts';
import type { Context } from '../context.ts';
import { createBacklog, fewHeld } from './backlog.ts';
import { endLease, type EndOfLease } from './end-lease.ts';
import { headersOf, secretsOf } from './endpoints.ts';
import { outcomeOf, tryMs, type Outcome } from './outcome.ts';
import type { Settler } from './settler.ts';
import { payloadOf, signedHeaders, signersOf } from './sign.ts';
import type { Slots } from './slots.ts';
import { eventOf } from './take-page.ts';

/** What the couriers of a worker share. */
export interface Crew {
  context: Context;
  workerId: string;
  slots: Slots;
  settler: Settler;
  /** Fires when requests that are under way are cut: the worker ends. */
  cut: AbortSignal;
  /** A place is free: couriers that found none may begin a request. */
  offer(): void;
}

/** What goes in one request. */
type Batch = readonly [PendingDelivery, ...PendingDelivery[]];

/** Delivers to one endpoint while its lease lasts. */
export interface Courier {
  /** That of the endpoint when it was leased. */
  version: string;
  /** Begins requests, as many as may be. */
  begin(): void;
  /** The lease was prolonged at this time of `performance.now()`; null: it was not, or the settings changed. */
  prolonged(at: number | null): void;
  /** Begins nothing more. */
  stop(): void;
  /** Resolves when the lease has ended. Never rejects. */
  ended: Promise<void>;
}

/** Outcomes that are not written yet; with more no request begins. */
const mostUnwritten = 2_000;
/** How often the feed is looked at while requests are under way, in milliseconds. */
const lookMs = 200;
/** A request begins only where it ends within the lease, in milliseconds. */
const marginMs = tryMs + 1_000;

export function startCourier(crew: Crew, endpoint: LeasedEndpoint, leasedAt: number): Courier {
  const { context, workerId, slots, settler, cut } = crew;
  const { db, vault, clock, log, metrics } = context;
  const url = new URL(endpoint.url);
  const backlog = createBacklog(crew, endpoint);
  const { lanes } = backlog;
  let send: ((deliveries: Batch) => Promise<Outcome>) | null = null;
  let leasedUntil = leasedAt + leaseSeconds * 1_000;
  const { isPaused } = endpoint;
  let { failures } = endpoint;
  /** Begin nothing more: with what the row of the endpoint must say. */
  let end: EndOfLease['why'] | null = null;
  let wake = (): void => undefined;

  const prepare = async (): Promise<void> => {
    const keys = await vault.keysOf(db, endpoint.tenantId);
    const [own, signers] = [headersOf(keys, endpoint), signersOf(secretsOf(keys, endpoint))];
    send = async ([first, ...others]) => {
      const { id, body } = payloadOf([eventOf(first), ...others.map(eventOf)], endpoint.eventsPerRequest);
      const headers = { ...own, ...signedHeaders(signers, id, body, clock.now()) };
      return outcomeOf(await context.post({ url, headers, body, withinMs: tryMs, signal: cut }));
    };
  };

  const mayBegin = (): boolean =>
    end === null &&
    send !== null &&
    settler.waiting() < mostUnwritten &&
    performance.now() + marginMs < leasedUntil &&
    // One at a time, until the endpoint has taken one.
    !(isPaused && lanes.busy() > 0);

  const begin = (): void => {
    while (mayBegin() && lanes.size() > lanes.busy() && slots.take(endpoint.id)) {
      const [first, ...others] = lanes.next(isPaused ? 1 : endpoint.eventsPerRequest);
      if (!first) {
        slots.give(endpoint.id);
        return;
      }
      void tryOnce([first, ...others]);
    }
  };

  const tryOnce = async (deliveries: Batch): Promise<void> => {
    const outcome = await send!(deliveries);
    slots.give(endpoint.id);
    // The worker cut the request: nothing is known of the endpoint.
    if (cut.aborted && outcome.error === 'timeout') lanes.wait(deliveries, 0);
    else note(deliveries, outcome);
    begin();
    crew.offer();
    if (end !== null || lanes.size() <= fewHeld) wake();
  };

  const note = (deliveries: Batch, outcome: Outcome): void => {
    const now = clock.now().getTime();
    failures = outcome.error ? failures + 1 : 0;
    const pauses = outcome.error !== null && (isPaused || failures >= circuit.failures);
    // Those of a batch are tried for the first time: one verdict is that of all.
    const { state, nextTryAt } = verdict(deliveries[0], outcome, pauses, now);
    if (outcome.error === 'gone') end = 'gone';
    else if (pauses) end ??= 'failing';
    else if (!outcome.error && isPaused) end ??= 'resumed';
    if (nextTryAt === null) lanes.done(deliveries);
    else lanes.wait(deliveries, nextTryAt);
    for (const { id, createdAt, tries, eventAt } of deliveries) {
      settler.add({
        endpointId: endpoint.id,
        id,
        createdAt,
        state,
        nextTryAt: nextTryAt === null ? null : new Date(nextTryAt).toISOString(),
        triedAt: new Date(now).toISOString(),
        ...outcome,
      });
      metrics.deliveries.inc({ outcome: state === 'pending' ? 'failed' : state });
      if (state === 'delivered' && tries === 0)
        metrics.deliveryLag.observe(Math.max(0, now - Date.parse(eventAt)) / 1_000);
    }
  };

  const work = async (): Promise<void> => {
    await prepare();
    let lookedAt = -Infinity;
    for (;;) {
      if (performance.now() > leasedUntil) end ??= 'changed';
      begin();
      if (end !== null && lanes.busy() === 0) return;
      const isDue = performance.now() - lookedAt >= lookMs;
      if (end === null && lanes.size() <= fewHeld && isDue && !(isPaused && lanes.size() > 0)) {
        const found = await backlog.fill();
        if (found === 'changed') end ??= 'changed';
        if (found === 'some') {
          begin();
          continue;
        }
        lookedAt = performance.now();
        begin();
        if (lanes.size() === 0 && lanes.busy() === 0) return;
      }
      await awoken(lookMs);
    }
  };
  const awoken = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => wake(), ms);
      wake = () => {
        clearTimeout(timer);
        wake = () => undefined;
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.warn({ tenant: endpoint.tenantId, endpoint: endpoint.id, err: error }, 'deliveries to an endpoint stopped');
      end ??= 'broken';
      while (lanes.busy() > 0) await pause(50);
    }
    const over = new AbortController();
    const late = pause(Math.max(0, leasedUntil - performance.now()), undefined, { signal: over.signal, ref: false });
    await Promise.race([settler.written(), late.catch(() => undefined)]);
    over.abort();
    // One that was under way arrived after the others had failed.
    const why = end === 'failing' && failures === 0 ? 'changed' : (end ?? 'done');
    const ending = { why, failures, nextAt: lanes.nextAt() };
    await endLease(context, workerId, endpoint, ending).catch((error: unknown) =>
      log.warn({ endpoint: endpoint.id, err: error }, 'the lease of an endpoint runs out by itself'),
    );
  };
  return {
    version: endpoint.version,
    begin,
    prolonged: (at) => {
      if (at === null) end ??= 'changed';
      else leasedUntil = at + leaseSeconds * 1_000;
      wake();
    },
    stop: () => {
      end ??= 'changed';
      wake();
    },
    ended: run(),
  };
}

/**
 * What becomes of a delivery after a try; `pauses`: the endpoint is paused now. `now` is in milliseconds of the epoch, and so
 * is `nextTryAt`, null where there is none.
 */
function verdict(
  { tries, giveUpAt }: PendingDelivery,
  { error }: Outcome,
  pauses: boolean,
  now: number,
): { state: DeliveryState; nextTryAt: number | null } {
  if (!error) return { state: 'delivered', nextTryAt: null };
  const nextTryAt = now + (pauses ? circuit.probeEveryMs : pauseAfter(tries + 1, Math.random()));
  if (error === 'gone' || nextTryAt > giveUpAt) return { state: 'dead', nextTryAt: null };
  return { state: 'pending', nextTryAt };
}
