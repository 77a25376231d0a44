import { createClock, type Clock } from '../world/clock.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createFaults, type Faults } from './faults.ts';
import { createWriters, type Writers } from './writer.ts';

export interface Shared {
  clock: Clock;
  calls: Calls;
  faults: Faults;
  deliveries: Deliveries;
  writers: Writers;
}

export function createShared(): Shared {
  const faults = createFaults();
  const clock = createClock();
  const deliveries = createDeliveries(faults, clock);
  return { clock, calls: createCalls(), faults, deliveries, writers: createWriters(deliveries) };
}

export function resetShared({ writers, deliveries, clock, calls, faults }: Shared): void {
  for (const one of [writers, deliveries, clock, calls, faults]) one.reset();
}

/** Refused calls included. */
interface CallCount {
  provider: string;
  method: string;
  route: string;
  count: number;
}

interface Calls {
  count(provider: string, method: string, route: string): void;
  list(): CallCount[];
  reset(): void;
}

function createCalls(): Calls {
  const counts = new Map<string, CallCount>();
  return {
    count(provider, method, route) {
      const key = `${provider} ${method} ${route}`;
      const known = counts.get(key);
      if (known) known.count++;
      else counts.set(key, { provider, method, route, count: 1 });
    },
    list: () => [...counts.values()],
    reset: () => counts.clear(),
  };
}
