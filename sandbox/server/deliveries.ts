import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../world/clock.ts';
import type { Faults } from './faults.ts';

export interface Delivery {
  provider: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** First tries in one lane are made in order, one after the other. */
  lane: string;
  label: string;
  retries: number;
  /** Seconds before the first retry; each further wait is doubled. */
  retryBaseSeconds: number;
  /** Retries wait by the sandbox's clock, which can be moved; else by the machine's. */
  retriesByClock?: true;
  timeoutSeconds: number;
  /** Absent: any 2xx. */
  succeeded?: (status: number) => boolean;
  /** Called after the first try, or at once when a fault drops or delays it; again for a second copy. */
  tried?: () => void;
  /** Called after every try. */
  answered?: (ok: boolean) => void;
  /** Called once it was delivered, or given up; never after a reset. */
  ended?: () => void;
}

export interface DeliveryRecord {
  provider: string;
  label: string;
  url: string;
  /** One entry per try: the HTTP status, or the error. */
  tries: (number | string)[];
  state: 'waiting' | 'delivered' | 'failed' | 'dropped';
}

export interface Deliveries {
  /** With the provider's faults. */
  send(delivery: Delivery): void;
  /** Without faults. */
  start(delivery: Delivery): DeliveryRecord;
  /** What `job` sends before it returns; the caller starts it, or never. */
  capture<T>(job: () => T): { result: T; captured: Delivery[] };
  /** The latest thousand, oldest first. */
  list(): DeliveryRecord[];
  /** Aborts all deliveries. */
  reset(): void;
}

const LOG_SIZE = 1000;
/** A reordered delivery waits this long at most, so that later ones overtake it. */
const REORDER_MS = 250;

export function createDeliveries(faults: Faults, clock: Clock): Deliveries {
  let log: DeliveryRecord[] = [];
  let lanes = new Map<string, Promise<void>>();
  let stop = stopper();
  let capturing: Delivery[] | null = null;

  const attempt = async (d: Delivery, record: DeliveryRecord, signal: AbortSignal): Promise<boolean> => {
    try {
      const response = await fetch(d.url, {
        method: 'POST',
        headers: d.headers,
        body: d.body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(d.timeoutSeconds * 1000)]),
      });
      await response.body?.cancel();
      record.tries.push(response.status);
      if (d.succeeded ? d.succeeded(response.status) : response.ok) record.state = 'delivered';
    } catch (error) {
      record.tries.push(errorName(error));
    }
    if (!signal.aborted) d.answered?.(record.state === 'delivered');
    return record.state === 'delivered';
  };

  const retry = async (d: Delivery, record: DeliveryRecord, signal: AbortSignal): Promise<void> => {
    let due = clock.now();
    for (let n = 0; n < d.retries; n++) {
      const wait = d.retryBaseSeconds * 1000 * 2 ** n;
      due += wait;
      if (d.retriesByClock) await until(clock, due, signal);
      else await sleep(wait, undefined, { signal, ref: false });
      if (await attempt(d, record, signal)) return;
    }
    record.state = 'failed';
  };

  const run = async (d: Delivery, record: DeliveryRecord, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
    if (await attempt(d, record, signal)) return d.ended?.();
    // Rejects only when the sandbox is stopped or reset.
    retry(d, record, signal).then(d.ended, () => {});
  };

  const enqueue = (d: Delivery, lane: string, delayMs: number): DeliveryRecord => {
    const record: DeliveryRecord = { provider: d.provider, label: d.label, url: d.url, tries: [], state: 'waiting' };
    log.push(record);
    if (log.length > 2 * LOG_SIZE) log = log.slice(-LOG_SIZE);
    const { signal } = stop;
    const own = lanes;
    const before = own.get(lane) ?? Promise.resolve();
    const done = before
      .then(() => (delayMs ? sleep(delayMs, undefined, { signal, ref: false }) : undefined))
      .then(() => run(d, record, signal))
      .catch(() => {})
      .finally(() => {
        d.tried?.();
        if (own.get(lane) === done) own.delete(lane);
      });
    own.set(lane, done);
    return record;
  };

  return {
    send(d) {
      if (capturing) return void capturing.push(d);
      const fault = faults.forWebhook(d.provider);
      if (fault.drop || fault.reorder) d.tried?.();
      if (fault.drop) {
        log.push({ provider: d.provider, label: d.label, url: d.url, tries: [], state: 'dropped' });
        return;
      }
      for (let n = fault.duplicate ? 2 : 1; n > 0; n--) {
        if (fault.reorder) enqueue(d, `${d.lane} late ${Math.random()}`, Math.ceil(Math.random() * REORDER_MS));
        else enqueue(d, d.lane, 0);
      }
    },
    start: (d) => enqueue(d, d.lane, 0),
    capture(job) {
      const captured: Delivery[] = [];
      capturing = captured;
      try {
        return { result: job(), captured };
      } finally {
        capturing = null;
      }
    },
    list: () => log.slice(-LOG_SIZE),
    reset() {
      stop.abort();
      stop = stopper();
      log = [];
      lanes = new Map();
    },
  };
}

/** Resolves at that time of the sandbox's clock, in epoch milliseconds; rejects when the signal comes first. */
function until(clock: Clock, at: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const stopped = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.at(at, () => {
      signal.removeEventListener('abort', stopped);
      resolve();
    });
    signal.addEventListener('abort', stopped, { once: true });
  });
}

/** Why there was no answer, such as `ECONNREFUSED` or `TimeoutError`. */
function errorName(error: unknown): string {
  const { name, cause } = error as Error;
  return (cause as { code?: string } | undefined)?.code ?? name;
}

/** Any number of deliveries may listen. */
function stopper(): AbortController {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return stop;
}
