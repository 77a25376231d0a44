import { z } from 'zod';
import { accountStates, limitationsOf, whoNames } from '../../domain/accounts.ts';
import { channelNames, methodNames } from '../../domain/channels.ts';
import { whatToDo } from '../../domain/failures.ts';
import { sealed } from '../../db/sealed.ts';
import type { CallsPerMinute } from '../../db/queries/tenants/credentials.ts';
import type { Account } from '../../db/entities/accounts.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { onlyFor } from '../http/schemas.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';
import { sendLimitsOf } from '../../services/messages/send-limits.ts';
import { loginLimitsOf, restartLimits } from '../../domain/login-limits.ts';
import { guardAnswer } from './guard.ts';
import { quietHours } from './hours.ts';
import { providerName } from './provider-name.ts';
import { remindersAnswer, remindersView } from './reminders.ts';
import { webhookHealthAnswer } from './webhook-health.ts';

const connectionConfig = z.looseObject({
  phone_number: z.string().nullable(),
  account_type: z.string(),
  messaging_status: z.string(),
  messaging_source_id: z.string().nullable(),
  created_at: z.string().nullable(),
  sources: z.array(z.object({ id: z.string(), status: z.string() })),
  groups: z.array(z.string()),
  last_api_sync: z.string(),
  full_api_response: onlyFor(
    'raw',
    z.unknown().optional().describe('Of one account, and only for keys with the scope raw.'),
  ),
  api_object_type: z.string(),
});

const limit = z.number().int().min(0).max(1_000_000).nullable();
export const rateLimits = z.object({
  per_minute: limit,
  per_hour: limit,
  per_day: limit,
  spacing_seconds: z.number().nullable().describe('Between two messages.'),
});
const providerConfig = z.looseObject({
  features: z.record(z.string(), z.boolean()),
  webhook_events: z.array(z.string()),
  rate_limits: rateLimits
    .extend({
      burst: limit.describe('Messages one right after the other: those of a minute, or 1.'),
      calls_per_minute: limit.describe(
        'The most calls to the provider in a minute, of all accounts with the same credentials; null: no limit.',
      ),
      logins_per_hour: limit.describe('The most logins that begin on request.'),
      logins_per_day: limit,
      restarts_per_hour: limit.describe('The most restarts of the login without its owner.'),
      restarts_per_day: limit,
    })
    .describe('The most that the account does; more waits. What is used of it is in guard, of one account.'),
  notification_preferences: z.record(z.string(), z.boolean()),
  account_metadata: z.object({
    country_code: z.string().nullable(),
    display_name: z.string().nullable(),
    creation_date: z.string().nullable(),
  }),
  messaging_enabled: z.boolean(),
  provider_type: z.string(),
  formatted_phone_number: z.string().nullable(),
});

export const accountAnswer = z
  .object({
    id: z.string(),
    provider: providerName,
    channel: z.enum(channelNames),
    owner: z.string(),
    label: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    method: z.enum(methodNames),
    provider_account_id: z.string().nullable().describe('The login at the provider.'),
    identity: z.string().nullable().describe("The person's id on the channel, such as a phone number."),
    state: z.enum(accountStates),
    reason: failureReason.nullable(),
    who: z.enum(whoNames).describe('Who must act.'),
    what_to_do: z.string().nullable(),
    since: time,
    access_ends_at: time
      .nullable()
      .describe(
        'When the permission that the owner gave ends. It is renewed long before, where the provider does that.',
      ),
    limitations: z
      .array(z.object({ source: z.string(), status: z.string(), what_to_do: z.string() }))
      .describe('Parts that do not work while the account is active, such as a calendar that lacks a permission.'),
    connection_config: connectionConfig.nullable(),
    provider_config: providerConfig.nullable(),
    details_at: time.nullable(),
    last_sync_at: time.nullable(),
    reminders: remindersAnswer.nullable().describe('What is asked of the owner, and how often; null: nothing.'),
    quiet_hours: z
      .union([quietHours, z.literal('none')])
      .nullable()
      .describe('What is set for this account; null: the quiet hours of the tenant.'),
    guard: guardAnswer.optional().describe('Of one account: its limits and how much of them is used.'),
    webhooks: webhookHealthAnswer.optional().describe('Of one account: what its webhooks missed.'),
    merged_into: z.string().nullable().describe('The account into which this one was merged.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Account' });

const restoreLimited =
  'Everything else works. To have this part too, reconnect the account with "force": true and grant what it asks for.';

export type AccountAnswer = z.input<typeof accountAnswer>;

/** An account as callers see it, without the provider's raw answer. */
export const accountView = (account: Account, now: Date, calls: CallsPerMinute): AccountAnswer => ({
  id: account.id,
  provider: account.provider,
  channel: account.channel,
  owner: account.owner,
  label: account.label,
  metadata: account.metadata,
  method: account.method,
  provider_account_id: account.providerAccountId,
  identity: account.identity,
  state: account.state,
  reason: account.reason,
  who: account.who,
  what_to_do: whatToDo(account.reason),
  since: wireTime(account.since),
  access_ends_at: wireTimeOrNull(account.keysExpireAt),
  limitations:
    account.state === 'active' && account.connectionConfig
      ? limitationsOf(account.connectionConfig).map((one) => ({ ...one, what_to_do: restoreLimited }))
      : [],
  connection_config: account.connectionConfig && withoutRaw({ ...account.connectionConfig }),
  provider_config: account.providerConfig && {
    ...account.providerConfig,
    rate_limits: rateLimitsView(account, now, calls),
  },
  details_at: wireTimeOrNull(account.detailsAt),
  last_sync_at: wireTimeOrNull(account.lastSyncAt),
  reminders: remindersView(account),
  quiet_hours: account.quietHours && (account.quietHours.hours ?? 'none'),
  merged_into: account.mergedInto,
  created_at: wireTime(account.createdAt),
  updated_at: wireTime(account.updatedAt),
});

function rateLimitsView(account: Account, now: Date, calls: CallsPerMinute) {
  const limits = sendLimitsOf(account, now);
  const logins = loginLimitsOf(account.channel, account.loginLimits);
  return {
    ...limits,
    burst: limits.spacing_seconds === null ? limits.per_minute : 1,
    calls_per_minute: account.credentialsId === null ? null : (calls.get(account.credentialsId) ?? null),
    logins_per_hour: logins.per_hour,
    logins_per_day: logins.per_day,
    restarts_per_hour: restartLimits.per_hour,
    restarts_per_day: restartLimits.per_day,
  };
}

/** With the provider's raw answer opened, for keys that may see it. */
export function rawAccountView(keys: Keyset, account: Account, now: Date, calls: CallsPerMinute): AccountAnswer {
  const view = accountView(account, now, calls);
  if (!view.connection_config || !account.rawDetails) return view;
  const raw: unknown = JSON.parse(keys.open(account.rawDetails, sealed.rawDetails(account.id)));
  return { ...view, connection_config: { ...view.connection_config, full_api_response: raw } };
}

function withoutRaw<T extends { full_api_response?: unknown }>({
  full_api_response: _raw,
  ...rest
}: T): Omit<T, 'full_api_response'> {
  return rest;
}
