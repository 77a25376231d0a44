import { noteUptime } from '../../db/queries/webhooks/intake-uptime.ts';
import { newId } from '../../platform/ids.ts';
import type { Context } from '../context.ts';

const everyMs = 15_000;
/** After a longer pause the process counts as not having run in between, in milliseconds: nothing could be stored. */
const longestPauseMs = 45_000;

/** Notes that this API process can store webhooks. */
export interface UptimeNotes {
  /** Notes it at once, as after a jump of the clock. */
  note(): void;
  /** Resolves when nothing is written any more. */
  stop(): Promise<void>;
}

/** Notes it again and again, so that what is sent while no process can store webhooks is not taken for a provider's fault. */
export function startUptime({ db, clock, log }: Pick<Context, 'db' | 'clock' | 'log'>): UptimeNotes {
  let id = newId();
  let from = clock.now();
  // By the machine's own time: the clock may jump.
  let notedAt = performance.now();
  const write = async (): Promise<void> => {
    const now = performance.now();
    if (now - notedAt > longestPauseMs) [id, from] = [newId(), clock.now()];
    try {
      await db.system((em) => noteUptime(em, id, from, clock.now()));
      notedAt = now;
    } catch (error) {
      log.warn({ err: error }, 'the uptime could not be noted');
    }
  };
  let running = Promise.resolve();
  const note = (): void => {
    running = running.then(write);
  };
  note();
  const timer = setInterval(note, everyMs);
  timer.unref();
  return {
    note,
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
