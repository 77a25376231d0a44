import { z } from 'zod';
import { verdicts } from '../../domain/account-health.ts';
import { accountStates, whoNames } from '../../domain/accounts.ts';
import { channelNames } from '../../domain/channels.ts';
import { syncKinds, syncStates } from '../../domain/syncs.ts';
import { errorSources } from '../../db/queries/health/errors.ts';
import { time } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';
import { providerName } from './provider-name.ts';
import { webhookHealthAnswer } from './webhook-health.ts';
import { guardAnswer } from './guard.ts';

const count = z.number().int();
const who = z.enum(whoNames).describe('Who must act.');

const healthReason = z.object({
  code: z.string().describe('A failure reason, or one of health alone such as silent or webhook_off.'),
  verdict: z.enum(['attention', 'broken']),
  text: z.string(),
  who,
  what_to_do: z.string(),
});

const activity = z.object({
  last_webhook_at: time.nullable().describe('Of any kind, within 30 days.'),
  last_message_in_at: time.nullable(),
  last_message_out_at: time.nullable(),
  silence: z.object({
    silent_seconds: z.number().nullable().describe('Since the last sign of life; null: there was none.'),
    usual_seconds: count.nullable().describe("The account's own longest silence of late; null: not known yet."),
    unusual_after_seconds: count.nullable().describe('A longer silence is unusual; null: too little is known.'),
    unusual_since: time.nullable().describe('Since when the account is unusually silent; null: it is not.'),
    explained_at: time.nullable().describe('When a visit showed that nothing was missed in that silence.'),
  }),
});

const subscription = z
  .object({
    state: z
      .enum(['ok', 'elsewhere', 'off', 'incomplete'])
      .nullable()
      .describe('Where the provider sends the events; null: it does not say.'),
    expected_address: z.string().nullable().describe('Without its secret part.'),
    actual_address: z.string().nullable(),
    missing: z.array(z.string()).describe('Events that the provider does not send.'),
    checked_at: time.nullable(),
    repaired_at: time.nullable(),
  })
  .nullable()
  .describe('What the provider says of the webhook; null before the first visit.');

const visits = z
  .object({
    last_at: time.nullable(),
    last_succeeded_at: time.nullable(),
    outcome: z.enum(['ok', 'failed', 'skipped']).nullable(),
    reason: failureReason.nullable(),
    failures: count.describe('Failed ones in a row.'),
    due_at: time.nullable(),
    details_faults: z.array(z.string()).describe('What is wrong with the stored details.'),
  })
  .nullable()
  .describe('Visits at the provider by the sweep of platforms.');

const sync = z.object({
  kind: z.enum(syncKinds),
  state: z.enum(syncStates).describe('Of the newest whole sync of this kind.'),
  reason: failureReason.nullable(),
  started_at: time,
  last_succeeded_at: time.nullable(),
  failures: count.describe('Failed ones since the last one that succeeded.'),
});

const sends = z.object({
  waiting: count.describe('Messages that are not handed over yet.'),
  unclear: count.describe('Messages of which nothing proves whether they were sent.'),
  holds_until: time.nullable().describe('Nothing is sent until then.'),
  holds_for: z.string().nullable(),
});

const errorAnswer = z.object({
  source: z.enum(errorSources),
  code: z.string().describe('A failure reason; of webhook events not_readable or not_applied.'),
  errors: count,
  last_at: time,
  who,
  what_to_do: z.string(),
});

const dayOfUse = z.object({
  date: z.string().describe("A day in the tenant's zone."),
  messages_in: count,
  messages_out: count,
  sends: z.object({ sent: count, failed: count, unclear: count, cancelled: count }),
  syncs: z.object({ succeeded: count, failed: count }),
  webhook_events: count
    .nullable()
    .describe('Each once, however often it came; null for days before the newest 5,000 events.'),
  counted_at: time.nullable().describe('When the other figures were counted; null: there was nothing to count.'),
  is_waiting: z.boolean().describe('Something of the day changed since then: it is counted again within the hour.'),
});

export const accountHealthAnswer = z
  .object({
    account_id: z.string(),
    provider: providerName,
    channel: z.enum(channelNames),
    owner: z.string(),
    label: z.string().nullable(),
    checked_at: time,
    verdict: z.enum(verdicts),
    summary: z.string(),
    reasons: z.array(healthReason).describe('The worst first; empty where nothing is wrong.'),
    state: z.enum(accountStates),
    reason: failureReason.nullable(),
    who,
    since: time,
    merged_into: z.string().nullable(),
    activity,
    subscription,
    webhooks: webhookHealthAnswer,
    visits,
    syncs: z.array(sync),
    token: z
      .object({
        ends_at: time,
        seconds_left: count,
        renewed_at: time.nullable().describe('When it is renewed next.'),
        failed_renewals: count,
      })
      .nullable(),
    coverage: z.object({
      conversations: count.describe('That a sync met at the provider.'),
      behind: count.describe('Of which the provider has something newer.'),
      unread: count.describe('Of which nothing was read yet.'),
    }),
    guard: guardAnswer.describe('What is in force of its limits, and how much of them is used.'),
    sends,
    reconnects: z.object({ days: count, succeeded: count, automatic: count, last_at: time.nullable() }),
    errors: z.array(errorAnswer).describe('Of 30 days, by source and reason, the newest first.'),
    usage: z.array(dayOfUse).describe('Today first.'),
  })
  .meta({ id: 'AccountHealth' });
