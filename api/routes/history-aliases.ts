import { z } from 'zod';
import { runsAddress } from '../http/addresses.ts';
import { syncAnswer, type SyncView } from '../views/sync.ts';
import type { Alias } from './aliases.ts';
import { leftOut, startSyncs, syncConversation } from './syncs.ts';

const whatsapp = '/api/v1/communications/whatsapp';
const account = z.string().nullish();
const started = z.object({
  success: z.boolean(),
  run: syncAnswer.nullable(),
  runs: z.array(syncAnswer),
  left_out: leftOut,
});

interface Started {
  items: SyncView[];
  left_out: number;
}

/** Conversations and messages of an account, or of all that are connected, by a documented path. */
const syncOf = (path: string, name: string): Alias => ({
  method: 'post',
  path,
  of: startSyncs,
  body: z.object({ [name]: account }),
  ask: ({ body }) => ({ body: { kind: 'conversations', account: body[name] ?? undefined } }),
  answer: started,
  watch: ({ runs }: { runs: SyncView[] }) => runsAddress(runs),
  rename: ({ items, left_out }: Started) => ({ success: true, run: items[0] ?? null, runs: items, left_out }),
});

/** The documented paths that read history from a provider. */
export const historyAliases: Alias[] = [
  {
    method: 'post',
    path: `${whatsapp}/chats/{chat_id}/sync/`,
    of: syncConversation,
    params: z.object({ chat_id: z.string().describe('The conversation.') }),
    ask: ({ params }) => ({ params: { id: params['chat_id'] } }),
    answer: z.object({ success: z.boolean(), run: syncAnswer }),
    watch: ({ run }: { run: SyncView }) => runsAddress([run]),
    rename: (run: SyncView) => ({ success: true, run }),
  },
  syncOf(`${whatsapp}/sync/`, 'account_id'),
  syncOf('/api/unipile/sync', 'accountId'),
  syncOf('/api/unipile/start-sync', 'accountId'),
];
