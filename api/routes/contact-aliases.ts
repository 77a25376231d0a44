import { z } from 'zod';
import { wholeContactAnswer, type WholeContactView } from '../views/contact.ts';
import { syncAnswer, type SyncView } from '../views/sync.ts';
import { runsAddress } from '../http/addresses.ts';
import type { Alias } from './aliases.ts';
import { getSyncStatus } from './contact-stats.ts';
import { syncByNumber, syncConversationContacts } from './contact-syncs.ts';
import { conversationIds, leftOut, startSyncs } from './syncs.ts';

const statNames = [
  'total_fetched',
  'successful_updates',
  'failed_updates',
  'contacts_with_names',
  'contacts_without_names',
] as const;
const count = z.number().int();

/** One word for all runs: `running` while one does, else `success` when every one succeeded. */
function wordFor(runs: readonly SyncView[]): 'success' | 'running' | 'failed' {
  if (runs.some(({ state }) => state === 'running')) return 'running';
  return runs.every(({ state }) => state === 'succeeded') ? 'success' : 'failed';
}

const statsOf = (runs: readonly SyncView[]): Record<(typeof statNames)[number], number> => {
  const sum = (name: string): number => runs.reduce((all, { stats }) => all + Number(stats[name] ?? 0), 0);
  return Object.fromEntries(statNames.map((name) => [name, sum(name)])) as Record<(typeof statNames)[number], number>;
};

function messageOf(runs: readonly SyncView[]): string {
  const of = runs.length === 1 ? '1 account' : `${runs.length} accounts`;
  const failed = runs.find(({ state }) => state === 'failed' || state === 'cancelled');
  if (failed) return `The sync of an account ended early. ${failed.what_to_do ?? ''}`.trim();
  if (wordFor(runs) === 'running') return `Contacts of ${of} are being synced; watch the runs.`;
  const { successful_updates: synced, total_fetched: fetched } = statsOf(runs);
  return `Synced ${synced} contacts of ${of} from ${fetched} entries.`;
}

/** How runs for several accounts are answered. */
const ofAccounts = {
  status: 202,
  doneStatus: 200,
  watch: ({ runs }: { runs: SyncView[] }) => runsAddress(runs),
  answer: z.object({
    status: z.enum(['success', 'running', 'failed']),
    message: z.string(),
    stats: z.object({
      total_fetched: count,
      successful_updates: count,
      failed_updates: count,
      contacts_with_names: count,
      contacts_without_names: count,
    }),
    runs: z.array(syncAnswer).describe('One for each account; GET /api/v1/syncs/{id} has more.'),
    left_out: leftOut,
  }),
  rename: ({ items, left_out }: { items: SyncView[]; left_out: number }) => ({
    status: wordFor(items),
    message: messageOf(items),
    stats: statsOf(items),
    runs: items,
    left_out,
  }),
} as const;

/** The documented paths of contacts. */
export const contactAliases: Alias[] = [
  {
    ...ofAccounts,
    method: 'post',
    path: '/api/sync/wasender-contacts',
    of: startSyncs,
    ask: () => ({ query: { wait: 20 }, body: { kind: 'contacts', provider: 'wasender' } }),
  },
  {
    ...ofAccounts,
    method: 'post',
    path: '/api/sync/conversation-contacts',
    of: syncConversationContacts,
    body: z.object({ conversation_ids: conversationIds.nullish() }),
    ask: ({ body }) => ({
      query: { wait: 20 },
      body: { conversation_ids: body['conversation_ids'] ?? undefined },
    }),
  },
  {
    method: 'post',
    path: '/api/sync/wasender-contact/{phone_number}',
    of: syncByNumber,
    params: z.object({ phone_number: z.string() }),
    status: 202,
    doneStatus: 200,
    watch: ({ runs }: { runs: SyncView[] }) => runsAddress(runs),
    ask: ({ params }) => ({ body: { phone_number: params['phone_number'], provider: 'wasender' } }),
    answer: z.object({
      status: z.enum(['success', 'running', 'failed']),
      contact: wholeContactAnswer.nullable(),
      runs: z.array(syncAnswer),
    }),
    rename: ({ contact, runs }: { contact: WholeContactView | null; runs: SyncView[] }) => ({
      status: contact ? 'success' : wordFor(runs),
      contact,
      runs,
    }),
  },
  {
    method: 'get',
    path: '/api/sync/status',
    of: getSyncStatus,
    ask: () => ({}),
    answer: z.object({ status: z.literal('success'), data: getSyncStatus.answer }),
    rename: (data: unknown) => ({ status: 'success', data }),
  },
];
