import { z } from 'zod';
import { TenantEvent } from '../../db/entities/outgoing.ts';
import { Tenant } from '../../db/entities/tenants.ts';
import { contactFields, droppableFields } from '../../domain/contact-fields.ts';
import { requestMaintenance } from '../../services/maintenance/request-maintenance.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';

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
    'Set the time zone, the contact fields that are stored, how long contacts and messages are kept, how much history is read, and where owners may be sent after a login',
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
