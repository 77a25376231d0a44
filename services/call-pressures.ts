import type { Database } from '../db/connect.ts';
import { everyCall, keepPressures, pressuresNow, takeTurn } from '../db/queries/tenants/call-pressures.ts';
import type { CallKind } from '../domain/call-limits.ts';
import { pressureFrom } from '../domain/call-pressure.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { CallPressure } from '../providers/contract/call.ts';

/** Limits of providers that are nearly full, as their answers tell, for all processes. */
interface CallPressures {
  /** Lets a call go out that counts toward these limits, and answers 0; else in how many milliseconds it may. */
  freeIn(credentialsId: string, of: readonly string[], kind: CallKind): Promise<number>;
  /** Never throws: calls are made all the same. */
  keep(credentials: { id: string; tenantId: string | null }, told: readonly CallPressure[]): Promise<void>;
}

/** What other processes were told is known so much later, in milliseconds. */
const knownForMs = 1_000;

/**
 * While no limit is nearly full, a process asks PostgreSQL once a second for all credentials. Only calls under pressure take
 * turns there.
 */
export function createCallPressures(db: Database, clock: Clock, log: Log): CallPressures {
  /** Names of limits under pressure, by credentials. */
  let known = new Map<string, Set<string>>();
  /** By `performance.now()`. */
  let knownAt = -Infinity;
  let reading: Promise<void> | null = null;

  const read = async (): Promise<void> => {
    const found = await db.system((em) => pressuresNow(em, clock.now()));
    known = new Map();
    for (const { credentialsId, name } of found) add(credentialsId, name);
    knownAt = performance.now();
  };
  const add = (credentialsId: string, name: string): void => {
    const names = known.get(credentialsId) ?? new Set();
    known.set(credentialsId, names.add(name));
  };
  const refresh = (): Promise<void> | null => {
    if (performance.now() - knownAt < knownForMs) return null;
    reading ??= read().finally(() => (reading = null));
    return reading;
  };

  return {
    async freeIn(credentialsId, of, kind) {
      await refresh();
      const names = known.get(credentialsId);
      const counts = names ? [everyCall, ...of].filter((name) => names.has(name)) : [];
      return counts.length ? db.system((em) => takeTurn(em, credentialsId, counts, kind, clock.now())) : 0;
    },
    async keep(credentials, told) {
      const now = clock.now();
      const kept = told.map(({ of, percent, until }) => {
        const pressure = pressureFrom({ percent, until: until === null ? null : new Date(until) }, now);
        return { name: of ?? everyCall, percent, until: pressure?.until ?? null };
      });
      const names = known.get(credentials.id);
      const changes = kept.filter(({ name, until }) => until !== null || names?.has(name));
      if (!changes.length) return;
      try {
        await db.system((em) => keepPressures(em, credentials, changes, now));
        for (const { name, until } of changes) if (until) add(credentials.id, name);
      } catch (error) {
        log.warn({ credentials: credentials.id, err: error }, 'what a provider says of its limits could not be kept');
      }
    },
  };
}
