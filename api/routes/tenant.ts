import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import { recheckReminders } from '../../db/queries/accounts/due-reminders.ts';
import { releaseQuiet } from '../../db/queries/tenants/sending-stops.ts';
import { TenantEvent } from '../../db/entities/outgoing.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { contactFields, droppableFields } from '../../domain/contact-fields.ts';
import { mostReminderWeeks } from '../../domain/reminders.ts';
import { requestMaintenance } from '../../services/maintenance/request-maintenance.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { dayHours, quietHours } from '../views/hours.ts';

const tag = 'tenant';

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' && !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

const timeZone = z.string().max(64).refine(isTimeZone, "not a time zone such as Europe/Berlin or 'UTC'");
const droppableNames = droppableFields.map((name) => contactFields[name].wire);
const contactFieldPolicy = z
  .array(z.enum(droppableNames))
  .max(droppableNames.length)
  .nullable()
  .describe(
    'Fields of contacts that are stored beside their identity (JID, LID); raw is the answer of the provider. Null: all.',
  );
const retentionDays = z
  .number()
  .int()
  .min(1)
  .max(36_500)
  .nullable()
  .describe('How many days contacts are kept after they were last confirmed. Null: without limit.');
const messageDays = z
  .number()
  .int()
  .min(1)
  .max(36_500)
  .nullable()
  .describe(
    'How many days messages are kept after they were sent, with their files. Older ones are not stored at all, and what was removed does not come back. Null: without limit.',
  );

const historyDays = z
  .number()
  .int()
  .min(1)
  .max(3_650)
  .describe('How many days back the messages of conversations are read. News is kept however old it gets.');
const historyMessages = z
  .number()
  .int()
  .min(1)
  .max(100_000)
  .describe('How many messages of a conversation are read as its history, the newest ones.');

const returnAddresses = z
  .array(
    z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .refine((text) => !/[?#@]/.test(text), 'must be an address without a query, a fragment or a login.'),
  )
  .max(100)
  .nullable()
  .describe(
    "Addresses to which owners' browsers may be sent after a login (redirects), and everything below their paths. Null: any.",
  );

const reminderHours = dayHours
  .nullable()
  .describe('Hours in which owners are reminded of what they must do. Null: at any time.');
const reminderWeeks = z
  .number()
  .int()
  .min(1)
  .max(mostReminderWeeks)
  .nullable()
  .describe('How many weeks owners are reminded before that is given up. Null: without end.');
const tenantQuietHours = quietHours
  .nullable()
  .describe('Hours in which accounts send nothing, where none are set for the account. Null: none.');

const tenantAnswer = z
  .object({
    name: z.string(),
    time_zone: z.string().describe('The time zone in which its days begin.'),
    contact_fields: contactFieldPolicy,
    contact_fields_pending: z.boolean().describe('Fields that are no longer stored are still being cleared.'),
    contact_retention_days: retentionDays,
    message_retention_days: messageDays,
    history_days: historyDays,
    history_messages: historyMessages,
    return_addresses: returnAddresses,
    reminder_hours: reminderHours,
    reminder_weeks: reminderWeeks,
    quiet_hours: tenantQuietHours,
  })
  .meta({ id: 'Tenant' });

const tenantView = (tenant: Tenant): z.input<typeof tenantAnswer> => ({
  name: tenant.name,
  time_zone: tenant.timeZone,
  contact_fields: tenant.contactFields,
  contact_fields_pending: tenant.contactFieldsOwed,
  contact_retention_days: tenant.contactRetentionDays,
  message_retention_days: tenant.messageRetentionDays,
  history_days: tenant.historyDays,
  history_messages: tenant.historyMessages,
  return_addresses: tenant.returnAddresses,
  reminder_hours: tenant.reminderHours,
  reminder_weeks: tenant.reminderWeeks,
  quiet_hours: tenant.quietHours,
});

const getTenant = route({
  name: 'getTenant',
  method: 'get',
  path: '/tenant',
  summary: 'Read the settings of your tenant',
  tag,
  scope: 'read',
  answer: tenantAnswer,
  handle: ({ context, principal }) =>
    context.db.tenant(principal.tenantId, async (em) => ({
      body: tenantView(await em.findOneOrFail(Tenant, { id: principal.tenantId })),
    })),
});

const patchTenant = route({
  name: 'updateTenant',
  method: 'patch',
  path: '/tenant',
  summary:
    'Set the time zone, the contact fields that are stored, how long contacts and messages are kept, how much history is read, where owners may be sent after a login, when they are reminded, and when nothing is sent',
  tag,
  scope: 'admin',
  body: z.object({
    time_zone: timeZone.optional(),
    contact_fields: contactFieldPolicy.optional(),
    contact_retention_days: retentionDays.optional(),
    message_retention_days: messageDays.optional(),
    history_days: historyDays.optional(),
    history_messages: historyMessages.optional(),
    return_addresses: returnAddresses.optional(),
    reminder_hours: reminderHours.optional(),
    reminder_weeks: reminderWeeks.optional(),
    quiet_hours: tenantQuietHours.optional(),
  }),
  example: { time_zone: 'Europe/Berlin' },
  answer: tenantAnswer,
  handle: async ({ context, principal, body }) => {
    const changed = await context.db.tenant(principal.tenantId, async (em) => {
      const tenant = await em.findOneOrFail(Tenant, { id: principal.tenantId });
      if (body.time_zone !== undefined) tenant.timeZone = body.time_zone;
      if (body.contact_retention_days !== undefined) tenant.contactRetentionDays = body.contact_retention_days;
      if (body.message_retention_days !== undefined) tenant.messageRetentionDays = body.message_retention_days;
      if (body.history_days !== undefined) tenant.historyDays = body.history_days;
      if (body.history_messages !== undefined) tenant.historyMessages = body.history_messages;
      if (body.return_addresses !== undefined) tenant.returnAddresses = body.return_addresses;
      if (body.reminder_hours !== undefined) tenant.reminderHours = body.reminder_hours;
      if (body.reminder_weeks !== undefined) tenant.reminderWeeks = body.reminder_weeks;
      if (body.quiet_hours !== undefined) tenant.quietHours = body.quiet_hours;
      await followHours(em, tenant, body, context.clock.now());
      if (body.contact_fields !== undefined) {
        const kept = body.contact_fields;
        const fields = kept && droppableNames.filter((name) => kept.includes(name));
        if (JSON.stringify(fields) !== JSON.stringify(tenant.contactFields)) tenant.contactFieldsOwed = true;
        tenant.contactFields = fields;
      }
      return tenant;
    });
    if (changed.contactFieldsOwed) await requestMaintenance(context);
    return { body: tenantView(changed) };
  },
});

/** Has what waits for the hours of before look at those of now. */
async function followHours(em: Em, tenant: Tenant, changed: object, now: Date): Promise<void> {
  const isChanged = (...names: readonly string[]): boolean => names.some((name) => Object.hasOwn(changed, name));
  await em.flush();
  if (isChanged('quiet_hours', 'time_zone')) await releaseQuiet(em, tenant.id, null);
  if (isChanged('reminder_hours', 'reminder_weeks', 'time_zone')) await recheckReminders(em, tenant.id, now);
}

const lineAnswer = z
  .object({
    id: z.string(),
    at: time,
    kind: z.string(),
    text: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TenantTimelineEvent' });

const getTimeline = route({
  name: 'getTenantTimeline',
  method: 'get',
  path: '/tenant/timeline',
  summary: 'What happened to your tenant as a whole, oldest first',
  tag,
  scope: 'read',
  query: z.object(pageQuery),
  answer: pageOf(lineAnswer),
  handle: ({ context, principal, query: { limit, cursor } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const found = await em.find(TenantEvent, afterCursor(cursor), { orderBy: { id: 'asc' }, limit: limit + 1 });
      return {
        body: page(found, limit, ({ id, at, kind, text, data }) => ({ id, at: wireTime(at), kind, text, data })),
      };
    }),
});

export const tenantRoutes = [getTenant, patchTenant, getTimeline];
