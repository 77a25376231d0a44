import { createCalls, type Calls } from './calls.ts';
import { createClock, type Clock } from './clock.ts';
import { createDeliveries, type Deliveries } from './delivery.ts';
import { createFaults, type Faults } from './faults.ts';

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
