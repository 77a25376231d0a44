import { rows } from '../../db/connect.ts';
import type { Context } from '../../services/context.ts';

/** How often a process looks for what is too old, in milliseconds, and how much it deletes at once. */
const lookEveryMs = 60_000;
const atMost = 1_000;

/**
 * Deletes Idempotency-Keys with their answers once their time is over. To be called whenever one is used: most calls
 * do nothing. What fails is done by a later call.
 */
export function createForgetting({ db, clock, log }: Context): () => void {
  let next = 0;
  return () => {
    const now = clock.now();
    if (now.getTime() < next) return;
    next = now.getTime() + lookEveryMs;
    db.system((em) =>
      rows(
        em,
        `delete from idempotency_keys where id in
           (select id from idempotency_keys where expires_at < ? order by expires_at limit ? for update skip locked)`,
        [now, atMost],
      ),
    ).catch((error: unknown) => log.warn({ err: error }, 'expired Idempotency-Keys are still there'));
  };
}
