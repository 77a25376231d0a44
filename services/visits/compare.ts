import { failRun } from '../../db/queries/syncs/held-runs.ts';
import { openVisitRun } from '../../db/queries/syncs/open-runs.ts';
import { hasUnread } from '../../db/queries/visits/news.ts';
import type { VisitEvidence } from '../../db/queries/visits/visit-evidence.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { syncConversations } from '../conversations/sync-conversations.ts';
import { SyncBusy } from '../syncs/held-run.ts';

/** Lists are asked for what came so long before the last visit as well, in milliseconds: clocks differ, and lists lag. */
const overlapMs = 10 * 60_000;
/** A run that takes longer goes on in a workflow of its own, in milliseconds. */
const runMs = 45_000;

/** Whether the provider lists messages that are not here, which webhooks may have to bring yet: one call, or two. */
export async function hasNews(
  context: Context,
  visit: VisitEvidence,
  provider: Provider,
  call: ProviderCall,
): Promise<boolean> {
  if (visit.newsAt === null) return true;
  const page = await provider.conversations?.list?.(call, null, visit.newsAt - overlapMs);
  if (!page) return false;
  if (page.cursor !== null) return true;
  const listed = page.items.flatMap(({ keys, lastMessageAt }) =>
    lastMessageAt === null ? [] : [{ keys, newestAt: new Date(lastMessageAt) }],
  );
  return context.db.tenant(visit.tenantId, (em) => hasUnread(em, visit.id, listed));
}

/** What a comparison found. */
interface Compared {
  /** Messages that no webhook had brought. */
  found: number;
  /** Those of them that a webhook should have brought. */
  missed: number;
  /** Everything was read; false where a workflow goes on, or another sync is under way. */
  isThrough: boolean;
}

/**
 * Reads what the provider has of conversations and is not here, as a run that requests join. A passing failure ends the run,
 * too: the next visit begins another one.
 */
export async function compare(
  context: Context,
  visit: VisitEvidence,
  lease: string,
  at: Date,
  signal: AbortSignal,
): Promise<Compared> {
  const ref = { kind: 'conversations', tenantId: visit.tenantId, accountId: visit.id, scope: '', now: 0 } as const;
  const holder = { id: `visit/${lease}/${visit.id}`, try: 1, signal, forMs: runMs };
  try {
    await context.db.tenant(ref.tenantId, (em) => openVisitRun(em, visit.id, lease, at));
    const { state, counts } = await syncConversations(context, ref, holder);
    const { recovered: found = 0, missed = 0 } = counts;
    return { found, missed, isThrough: state === 'succeeded' };
  } catch (error) {
    if (error instanceof SyncBusy) return { found: 0, missed: 0, isThrough: false };
    if (error instanceof ProviderFailure) {
      const { code } = error;
      const failedAt = context.clock.now();
      await context.db.tenant(ref.tenantId, (em) => failRun(em, context.vault, ref, holder.id, code, failedAt));
      context.metrics.syncs.inc({ kind: 'conversations', outcome: code });
    }
    throw error;
  }
}
