import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/connect.ts';
import { takeFromBucket, type LimitedCredentials } from '../db/queries/tenants/call-buckets.ts';
import { mostAtOnce, type CallKind } from '../domain/call-limits.ts';
import { ProviderFailure } from '../domain/failures.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { CredentialsCall } from '../providers/provider.ts';
import { createCallPressures } from './call-pressures.ts';

/** Credentials whose calls are limited, by an operator or by their provider. */
export interface CallingCredentials {
  id: string;
  tenantId: string | null;
  callsPerMinute: number | null;
}

/** The limits of all calls with the same credentials, whatever their accounts and processes. */
export interface CallLimits {
  /** What each request of these credentials waits for before it goes out, and how it tells what its provider says of limits. */
  of(credentials: CallingCredentials, kind: CallKind): Required<Pick<CredentialsCall, 'turn' | 'report'>>;
}

/** How long a call waits for its turn at the most, in milliseconds: callers wait for a live one. */
const patienceMs: Readonly<Record<CallKind, number>> = { live: 10_000, backfill: 120_000 };
/** Calls that a process took and did not make by then are lost, in milliseconds: later ones would exceed the limit. */
const keptForMs = 1_000;
/** The clock may jump meanwhile. */
const longestRestMs = 1_000;

/** Calls that this process took and has not made. */
interface Stock {
  left: number;
  /** How many were taken at once the last time, and when, by `performance.now()`. */
  size: number;
  takenAt: number;
  /** In how many milliseconds there is another one. */
  filling: Promise<number> | null;
}

/**
 * Takes calls out of the buckets in PostgreSQL: one at first, then more at once while they are used in time, so that most
 * calls write nothing.
 */
export function createCallLimits(db: Database, clock: Clock, log: Log): CallLimits {
  const stocks = new Map<string, Stock>();
  const pressures = createCallPressures(db, clock, log);

  const stockOf = (name: string): Stock => {
    const known = stocks.get(name);
    if (known) return known;
    const stock: Stock = { left: 0, size: 0, takenAt: 0, filling: null };
    stocks.set(name, stock);
    return stock;
  };

  const fill = async (stock: Stock, credentials: LimitedCredentials, kind: CallKind): Promise<number> => {
    const isBusy = stock.left === 0 && performance.now() - stock.takenAt < keptForMs;
    const most = isBusy ? Math.min(stock.size * 2, mostAtOnce(credentials.perMinute)) : 1;
    const { taken, freeInMs } = await db.system((em) => takeFromBucket(em, credentials, kind, most, clock.now()));
    stock.left = taken;
    if (taken > 0) [stock.size, stock.takenAt] = [taken, performance.now()];
    return freeInMs;
  };

  const takeOne = (stock: Stock): boolean => {
    if (stock.left === 0 || performance.now() - stock.takenAt >= keptForMs) return false;
    stock.left -= 1;
    return true;
  };

  /** Takes one call; else in how many milliseconds there may be one. */
  const fromBucket = async (credentials: LimitedCredentials, kind: CallKind): Promise<number> => {
    const stock = stockOf(`${credentials.id}/${kind}`);
    while (!takeOne(stock)) {
      stock.filling ??= fill(stock, credentials, kind).finally(() => (stock.filling = null));
      const freeInMs = await stock.filling;
      if (freeInMs > 0) return freeInMs;
    }
    return 0;
  };

  return {
    of({ id, tenantId, callsPerMinute: perMinute }, kind) {
      return {
        async turn(signal, of = []) {
          const end = performance.now() + patienceMs[kind];
          await untilFree(() => pressures.freeIn(id, of, kind), end, signal);
          if (perMinute === null) return;
          await untilFree(() => fromBucket({ id, tenantId, perMinute }, kind), end, signal);
        },
        report: (told) => pressures.keep({ id, tenantId }, told),
      };
    },
  };
}

/** Waits until `freeIn` answers 0, until `end` by `performance.now()` at the latest. */
async function untilFree(freeIn: () => Promise<number>, end: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    const ms = await freeIn().catch((cause: unknown) => {
      const failure = new ProviderFailure('unexpected', 'The limit of calls to the provider could not be read.');
      throw Object.assign(failure, { cause });
    });
    if (ms === 0) return;
    if (performance.now() + ms > end) throw limitReached(ms);
    await sleep(Math.min(ms, longestRestMs), undefined, { signal }).catch(() => {
      throw limitReached(ms);
    });
  }
}

const limitReached = (retryAfterMs: number): ProviderFailure =>
  new ProviderFailure('rate_limited', 'All calls that these credentials may make now are made.', { retryAfterMs });
