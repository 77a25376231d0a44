import { z } from 'zod';
import { verdicts } from '../../domain/account-health.ts';
import { accountStates, whoNames } from '../../domain/accounts.ts';
import { channelNames } from '../../domain/channels.ts';
import { dueKinds } from '../../db/queries/health/due-syncs.ts';
import { troubledStates } from '../../db/queries/health/trouble.ts';
import { pageOf, time } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';
import { providerName } from './provider-name.ts';

const count = z.number().int();
const by = <Name extends string>(names: readonly [Name, ...Name[]]) => z.record(z.enum(names), count);
const atLeast = z.boolean().describe('There may be more: only the first 10,000 are counted.');

const troubledAccount = z
  .object({
    account_id: z.string(),
    tenant: z.string().nullable().optional().describe("The tenant's name, with the scope installation."),
    provider: providerName,
    channel: z.enum(channelNames),
    owner: z.string(),
    label: z.string().nullable(),
    state: z.enum(accountStates),
    reason: failureReason.nullable(),
    who: z.enum(whoNames).describe('Who must act.'),
    since: time,
    what_to_do: z.string(),
  })
  .meta({ id: 'TroubledAccount' });

const waiting = z.object({ waiting: count, oldest_at: time.nullable(), at_least: atLeast });

export const fleetHealthAnswer = pageOf(troubledAccount)
  .extend({
    scope: z.enum(['tenant', 'installation']),
    checked_at: time,
    accounts: count.describe('All but those that were merged into another.'),
    by_verdict: by(verdicts).describe('By what their states say alone.'),
    by_state: by(accountStates),
    by_provider: z.record(z.string(), count),
    by_channel: z.record(z.string(), count),
    must_act: by(whoNames).describe(`Of accounts that are ${troubledStates.join(' or ')}.`),
    reasons: z
      .array(z.object({ code: failureReason, who: z.enum(whoNames), accounts: count, what_to_do: z.string() }))
      .describe('Of the same accounts, the most frequent first.'),
    silent: count.describe('Accounts that are silent for longer than they usually are; 10,000 at most.'),
    oldest_trouble: troubledAccount.nullable(),
    syncs: z.object({
      due: z.array(
        z.object({
          kind: z.enum(dueKinds),
          due: count,
          overdue: count.describe('Due for longer than some turns of their sweep.'),
          oldest_due_at: time.nullable(),
          at_least: atLeast,
        }),
      ),
      running: z.record(z.string(), count).describe('Syncs that run, by kind.'),
    }),
    queues: z.object({
      webhook_events: waiting.describe('Stored, and not applied yet.'),
      sends: waiting.describe('Due, and not handed over: those that wait for a limit or their account, too.'),
      feed_lag_seconds: z.number().describe('Age of the first event that readers cannot see yet.'),
      deliveries: z
        .object({ lag_seconds: z.number(), oldest_at: time.nullable(), paused_endpoints: count })
        .describe('To webhook endpoints that are not paused.'),
    }),
  })
  .meta({ id: 'FleetHealth' });
