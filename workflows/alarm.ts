import { CancellationScope, sleep } from '@temporalio/workflow';

/** One durable timer that is set again only when its moment changes: a timer kept is two events saved. */
export interface Alarm {
  /** Rings in `inMs`; the same `at` as before keeps the running timer. Null: no alarm. */
  set(at: number | null, inMs: number | null): void;
  readonly rang: boolean;
}

export function createAlarm(summary: string): Alarm {
  let at: number | null = null;
  let rang = false;
  let scope: CancellationScope | null = null;
  return {
    set(to, inMs) {
      if (to === at && !rang) return;
      scope?.cancel();
      at = to;
      rang = false;
      if (to === null || inMs === null) return;
      const own = new CancellationScope();
      scope = own;
      own
        .run(() => sleep(Math.max(inMs, 1), { summary }))
        .then(
          () => {
            if (scope === own) rang = true;
          },
          () => undefined,
        );
    },
    get rang() {
      return rang;
    },
  };
}
