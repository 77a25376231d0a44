import type { Context } from '../services/context.ts';
import { bulkActivities } from './bulk.ts';
import { analyticsActivities } from './analytics.ts';
import { connectionActivities } from './connection.ts';
import { erasureActivities } from './erasures.ts';
import { maintenanceActivities } from './maintenance.ts';
import { messageActivities } from './messages.ts';
import { sweepActivities } from './sweeps.ts';
import { syncActivities } from './syncs.ts';
import { visitActivities } from './visits.ts';

/** Everything a worker registers. */
export const createActivities = (context: Context) => ({
  ...connectionActivities(context),
  ...syncActivities(context),
  ...erasureActivities(context),
  ...sweepActivities(context),
  ...maintenanceActivities(context),
  ...messageActivities(context),
  ...visitActivities(context),
  ...bulkActivities(context),
  ...analyticsActivities(context),
});

export type Activities = ReturnType<typeof createActivities>;
