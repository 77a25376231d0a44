import type { Context } from '@temporalio/activity';

/** The server keeps the details of an activity's last heartbeat only. */
const details = new WeakMap<Context, unknown>();

/** Tells the server that the activity lives; keeps the progress that this try, or else the one before, saved. */
export const heartbeat = (context: Context): void =>
  context.heartbeat(details.has(context) ? details.get(context) : context.info.heartbeatDetails);

/** Saves how far this try has come; the next try finds it in `info.heartbeatDetails`. */
export function saveProgress(context: Context, progress: unknown): void {
  details.set(context, progress);
  heartbeat(context);
}
