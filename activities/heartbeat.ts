import type { Context } from '@temporalio/activity';

/** The server keeps the details of an activity's last heartbeat alone, for its next try. */
const details = new WeakMap<Context, unknown>();

/** Tells the server that the activity lives, without losing what this try, or else the one before, had it note. */
export const beat = (context: Context): void =>
  context.heartbeat(details.has(context) ? details.get(context) : context.info.heartbeatDetails);

/** Notes for the activity's next try how far this one has come; `info.heartbeatDetails` there. */
export function note(context: Context, progress: unknown): void {
  details.set(context, progress);
  beat(context);
}
