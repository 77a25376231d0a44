import type { Em } from '../../db/connect.ts';
import { removeEarlyEffects } from '../../db/queries/retention/early-effects.ts';
import { removeExpired } from '../../db/queries/retention/expired-rows.ts';
import { removeOldMessages } from '../../db/queries/retention/message-retention.ts';
import { removeRawContacts, removeRawDetails } from '../../db/queries/retention/raw-retention.ts';
import {
  dropAuditDays,
  dropDeliveryDays,
  dropEventDays,
  dropWebhookDays,
  ensureDays,
} from '../../db/queries/retention/days.ts';
import { removeDedupeKeys } from '../../db/queries/webhooks/dedupe-keys.ts';
import { removeUptimes } from '../../db/queries/webhooks/intake-uptime.ts';
import { removeMissedWebhooks } from '../../db/queries/webhooks/missed-webhooks.ts';
import { killOldDeliveries } from '../../db/queries/outgoing/kill-old-deliveries.ts';
import { removeTenantEvents } from '../../db/queries/tenants/timeline.ts';
import { removeOperations } from '../../db/queries/bulk/operations.ts';
import { removeExpiredExports } from '../exports/remove-exports.ts';
import { removeSyncRuns } from '../../db/queries/retention/run-retention.ts';
import type { Context } from '../context.ts';
import { fetchProfiles } from '../conversations/fetch-profiles.ts';
import { registerOwed } from '../webhooks/register-webhooks.ts';
import { removeOrphans, removeUnused } from '../media/remove-media.ts';
import { clearContactFields } from './contact-fields.ts';
import { drain } from './drain.ts';
import { removeContacts } from './old-contacts.ts';

/** What a part works with. */
export interface MaintenanceRun {
  context: Context;
  now: Date;
  /** The part's time is over, or the worker stops: what is left is the next run's. */
  isOver(): boolean;
  /** The worker stops. */
  signal: AbortSignal;
}

/** Removes rows in batches, one in a transaction. `before`: the time that decides. */
const inBatches =
  (remove: (em: Em, before: Date) => Promise<number>, before: (run: MaintenanceRun) => Date) =>
  (run: MaintenanceRun): Promise<number> =>
    drain(() => run.context.db.system((em) => remove(em, before(run))), run.isOver);

/** Two hexadecimal digits that a minute looks at: all of them have their turn every 256 minutes. */
const digitsAt = (at: Date): string => (Math.floor(at.getTime() / 60_000) % 256).toString(16).padStart(2, '0');

const now = (run: MaintenanceRun): Date => run.now;
const daysBefore = (run: MaintenanceRun, days: number): Date => new Date(run.now.getTime() - days * 86_400_000);
const rawRetention = (run: MaintenanceRun): Date => daysBefore(run, run.context.config.RAW_RETENTION_DAYS);
const eventRetention = (run: MaintenanceRun): Date => daysBefore(run, run.context.config.EVENT_RETENTION_DAYS);
const auditRetention = (run: MaintenanceRun): Date => daysBefore(run, run.context.config.AUDIT_RETENTION_DAYS);
const deliveryRetention = (run: MaintenanceRun): Date => daysBefore(run, run.context.config.DELIVERY_RETENTION_DAYS);

/**
 * Every part of the maintenance by the name that its result has in the Temporal UI, in the order in which they run. A
 * part answers how many things it removed, changed or registered. Safe to repeat, and to stop anywhere.
 */
export const maintenanceParts = {
  days: ({ context, now: at }) => context.db.system((em) => ensureDays(em, at)),
  webhook_bodies: inBatches(dropWebhookDays, rawRetention),
  events: inBatches(dropEventDays, eventRetention),
  deliveries: inBatches(dropDeliveryDays, deliveryRetention),
  audit: inBatches(dropAuditDays, auditRetention),
  dead_deliveries: async (run) => {
    const killed = await inBatches(killOldDeliveries, now)(run);
    run.context.metrics.deliveries.inc({ outcome: 'dead' }, killed);
    return killed;
  },
  tenant_timeline: inBatches(removeTenantEvents, rawRetention),
  webhook_keys: inBatches(removeDedupeKeys, rawRetention),
  missed_webhooks: inBatches(removeMissedWebhooks, rawRetention),
  intake_uptime: inBatches(removeUptimes, rawRetention),
  early_effects: inBatches(removeEarlyEffects, rawRetention),
  raw_details: inBatches(removeRawDetails, rawRetention),
  raw_contacts: inBatches(removeRawContacts, rawRetention),
  sync_runs: inBatches(removeSyncRuns, rawRetention),
  exports: ({ context, now: at, isOver }) => removeExpiredExports(context, at, isOver),
  bulk_operations: inBatches(removeOperations, rawRetention),
  contacts: removeContacts,
  messages: inBatches(removeOldMessages, now),
  media: ({ context, now: at, isOver }) => removeUnused(context, at, isOver),
  media_orphans: ({ context, now: at, isOver }) => removeOrphans(context, digitsAt(at), isOver),
  idempotency_keys: inBatches(removeExpired('idempotency_keys'), now),
  realtime_tickets: inBatches(removeExpired('realtime_tickets'), now),
  user_requests: inBatches(removeExpired('user_requests'), now),
  profiles: ({ context, isOver }) => drain(() => fetchProfiles(context), isOver),
  // These two come last, since they may take long: one works a tenant to its end, one asks providers.
  contact_fields: clearContactFields,
  webhook_registrations: ({ context }) => registerOwed(context),
} satisfies Record<string, (run: MaintenanceRun) => Promise<number>>;

export type MaintenancePart = keyof typeof maintenanceParts;
