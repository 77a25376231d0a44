import type { Context } from '@temporalio/activity';

/** The server keeps only the details of the last heartbeat. */
const details = new WeakMap<Context, unknown>();

/** Sends a heartbeat that keeps the progress saved by this try or the one before. */
export const heartbeat = (context: Context): void =>
  context.heartbeat(details.has(context) ? details.get(context) : context.info.heartbeatDetails);

/** Saves the progress of this try; the next one reads it in `info.heartbeatDetails`. */
export function saveProgress(context: Context, progress: unknown): void {
  details.set(context, progress);
  heartbeat(context);
}
