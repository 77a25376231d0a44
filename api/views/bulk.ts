import { z } from 'zod';
import { accountStates } from '../../domain/accounts.ts';
import { bulkItemStates, bulkKinds, bulkStates, mostPerMinute, usualPerMinute } from '../../domain/bulk.ts';
import { channelNames } from '../../domain/channels.ts';
import { reference } from '../http/text.ts';
import { time } from '../http/pagination.ts';
import { providerName } from './provider-name.ts';

const count = z.number().int();

/** Strict: a misspelt word would mean more accounts. */
export const bulkFilter = z
  .strictObject({
    ids: z.array(z.string()).min(1).max(10_000).optional().describe('These accounts.'),
    owner: reference.optional(),
    channel: z.enum(channelNames).optional(),
    provider: providerName.optional(),
    state: z.enum(accountStates).optional(),
    failed: z.boolean().optional().describe('Whether it is a first login that failed.'),
    label: z.string().max(255).optional(),
    q: z.string().min(1).max(200).optional().describe('Text within label, owner or identity.'),
  })
  .describe('The words of GET /accounts: an account that all of them fit is meant. {} is all accounts.');

export const bulkOptions = {
  label: z.string().max(255).nullable().optional().describe('Of label: the new label; null removes it.'),
  with_owner: z
    .boolean()
    .optional()
    .describe('Of reconnect: also begin logins that only the owner can finish; without it those fail with login_lost.'),
  per_minute: z
    .number()
    .int()
    .min(1)
    .max(mostPerMinute)
    .optional()
    .describe(`The most accounts that are asked in a minute; ${usualPerMinute} unless given.`),
};

const reasons = z.array(z.object({ reason: z.string(), count, what_it_means: z.string() }).meta({ id: 'BulkReason' }));

const filterShown = z.object({
  ids: z.array(z.string()).optional(),
  owner: z.string().optional(),
  channel: z.string().optional(),
  provider: z.string().optional(),
  state: z.string().optional(),
  failed: z.boolean().optional(),
  label: z.string().optional(),
  q: z.string().optional(),
});

export const bulkAnswer = z
  .object({
    id: z.string(),
    operation: z.enum(bulkKinds),
    filter: filterShown,
    label: z.string().nullable().optional(),
    with_owner: z.boolean().optional(),
    per_minute: count.optional(),
    state: z
      .enum(bulkStates)
      .describe('preparing: its accounts are being found. A cancelled operation can be taken up again.'),
    reason: z.string().nullable(),
    counts: z
      .record(z.string(), count)
      .describe(
        'Accounts: total, waiting, asked (the outcome is waited for), done, failed, skipped. Of an export: files, rows, bytes. In a list as they were some seconds ago.',
      ),
    progress: z.number().min(0).max(1).describe('The part of the accounts that have an outcome.'),
    failed: reasons.describe('Failed accounts by reason; empty in a list.'),
    skipped: reasons.describe('Accounts that were not asked, by reason; empty in a list.'),
    created_at: time,
    ended_at: time.nullable(),
    expires_at: time.nullable().describe('When the files of an export go.'),
  })
  .meta({ id: 'BulkOperation' });

export const bulkPreview = z
  .object({
    dry_run: z.literal(true),
    matching: count.describe('Accounts that the filter finds.'),
    asked: count.describe('Those of them that would be asked.'),
    skipped: z.array(z.object({ reason: z.string(), count, what_it_means: z.string(), examples: z.array(z.string()) })),
    examples: z.array(z.string()).describe('Ids of accounts that would be asked.'),
  })
  .meta({ id: 'BulkPreview' });

export const bulkItem = z
  .object({
    account_id: z.string(),
    state: z.enum(bulkItemStates),
    reason: z.string().nullable(),
    what_it_means: z.string().nullable(),
    request_id: z.string().nullable().describe('The attempt or the sync that it became.'),
    tries: count.describe('How often it was asked.'),
    asked_at: time.nullable(),
    ended_at: time.nullable(),
  })
  .meta({ id: 'BulkItem' });

export const exportFileAnswer = z
  .object({
    name: z.string(),
    table: z.string(),
    rows: count,
    bytes: count,
    sha256: z.string().describe('Of the bytes as they are read.'),
  })
  .meta({ id: 'ExportFile' });
