import { cancellationSignal } from '@temporalio/activity';
import { timeOf, type Context } from '../services/context.ts';
import { maintain } from '../services/maintenance/maintain.ts';

export const maintenanceActivities = (context: Context) => ({
  maintain: (ref: { now: number }) => maintain(context, timeOf(context, ref), cancellationSignal()),
});
