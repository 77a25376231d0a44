import { cancellationSignal } from '@temporalio/activity';
import type { Context } from '../services/context.ts';
import { createVisitor } from '../services/visits/visit-due.ts';

/** A sweep of platforms: when it began and must end, in milliseconds since the epoch, by the workflow's time. */
export interface VisitsRef {
  beganAt: number;
  endsAt: number;
  slowUntil: number;
  /** How long this activity may work; another one continues. */
  forMs: number;
}

export const visitActivities = (context: Context) => {
  const visitor = createVisitor(context);
  return {
    visitDueAccounts: ({ beganAt, endsAt, slowUntil, forMs }: VisitsRef) =>
      visitor.visitDue({
        beganAt,
        endsAt: Math.min(endsAt, Date.now() + forMs),
        slowUntil,
        signal: cancellationSignal(),
      }),
  };
};
