import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createFaults, type Faults } from './faults.ts';
import { type Clock, createClock } from '../world/clock.ts';

/** One route of a provider and how often it was asked, refused calls included. */
interface CallCount {
  provider: string;
  method: string;
  route: string;
  count: number;
}

export interface Calls {
  count(provider: string, method: string, route: string): void;
  list(): CallCount[];
  reset(): void;
}

export function createCalls(): Calls {
  const counts = new Map<string, CallCount>();
  return {
    count(provider, method, route) {
      const key = `${provider} ${method} ${route}`;
      const seen = counts.get(key);
      if (seen) seen.count++;
      else counts.set(key, { provider, method, route, count: 1 });
    },
    list: () => [...counts.values()],
    reset: () => counts.clear(),
  };
}

/** What all providers of one sandbox have in common. */
export interface Shared {
  clock: Clock;
  calls: Calls;
  faults: Faults;
  deliveries: Deliveries;
}

export function createShared(): Shared {
  const faults = createFaults();
  return { clock: createClock(), calls: createCalls(), faults, deliveries: createDeliveries(faults) };
}

export function resetShared(shared: Shared): void {
  shared.deliveries.reset();
  shared.clock.reset();
  shared.calls.reset();
  shared.faults.reset();
}
