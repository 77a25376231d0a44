import { CancellationScope, sleep } from '@temporalio/workflow';

/** Restarted only when its moment changes: an unchanged timer saves two events. */
export interface ResettableTimer {
  /** Fires in `inMs`; the same `at` keeps the running timer. Null: no timer. `summary`: what it waits for. */
  set(at: number | null, inMs: number | null, summary: string): void;
  clear(): void;
  readonly fired: boolean;
}

export function createResettableTimer(): ResettableTimer {
  let at: number | null = null;
  let fired = false;
  let scope: CancellationScope | null = null;
  const set: ResettableTimer['set'] = (to, inMs, summary) => {
    if (to === at && !fired) return;
    scope?.cancel();
    at = to;
    fired = false;
    if (to === null || inMs === null) return;
    const own = new CancellationScope();
    scope = own;
    own
      .run(() => sleep(Math.max(inMs, 1), { summary }))
      .then(
        () => {
          if (scope === own) fired = true;
        },
        () => undefined,
      );
  };
  return {
    set,
    clear: () => set(null, null, ''),
    get fired() {
      return fired;
    },
  };
}
