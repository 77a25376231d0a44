import { z } from 'zod';
import type { WebhookHealth } from '../../db/queries/webhooks/webhook-health.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';

const count = z.number().int();

export const webhookHealthAnswer = z.object({
  missed: z
    .array(
      z.object({
        day: z.string().describe("A day in the tenant's zone, such as 2026-05-04."),
        missed: count.describe('Messages that a webhook should have brought, and that were found at the provider.'),
        during_downtime: count.describe('Others, sent while Patchbay took no webhooks in.'),
      }),
    )
    .describe('The last 31 days on which there were some, newest first.'),
  evidence: z
    .object({
      since: time.describe('When the first of the missed messages was sent.'),
      missed: count,
      messages: count.describe('All messages since then: the missed ones, and those that webhooks brought.'),
      sweeps: count.describe('Comparisons with the provider that found missed ones.'),
      last_missed_at: time,
      last_webhook_at: time.nullable(),
      degraded_since: time.nullable().describe('Null: not enough to call the account degraded.'),
      registrations: z.array(z.string()).describe("The provider's ids of the webhook that was registered anew."),
      registered_at: time.nullable(),
    })
    .nullable()
    .describe('What webhooks missed lately; null where they bring everything.'),
});

export const webhookHealthView = ({ days, watch }: WebhookHealth): z.input<typeof webhookHealthAnswer> => ({
  missed: days.map(({ day, missed, duringDowntime }) => ({ day, missed, during_downtime: duringDowntime })),
  evidence: watch && {
    since: wireTime(watch.since),
    missed: watch.missed,
    messages: watch.missed + watch.brought,
    sweeps: watch.sweeps,
    last_missed_at: wireTime(watch.lastMissedAt),
    last_webhook_at: wireTimeOrNull(watch.lastWebhookAt),
    degraded_since: wireTimeOrNull(watch.degradedAt),
    registrations: watch.registrations,
    registered_at: wireTimeOrNull(watch.registeredAt),
  },
});
