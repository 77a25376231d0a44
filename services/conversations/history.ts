import type { Em } from '../../db/connect.ts';
import { moveRun } from '../../db/queries/syncs/held-runs.ts';
import type { Conversations } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { applyFacts } from '../messages/apply-facts.ts';
import type { Fact } from '../messages/facts.ts';
import { withoutErased } from '../messages/without-erased.ts';
import { byHalves } from '../syncs/by-halves.ts';
import { Fenced, writePage, type Held, type HeldRef } from '../syncs/held-run.ts';

/** What a sync of conversations counts, as the API shows it. */
interface HistoryCounts extends Record<string, number> {
  conversations: number;
  /** Messages that were new here; of them `recovered` are news that no webhook brought. */
  messages: number;
  recovered: number;
  unchanged: number;
  /** Entries that cannot be read. */
  skipped: number;
  erased: number;
  failed: number;
  /** Conversations that the provider does not have any more. */
  gone: number;
}

/** A run that reads conversations, and how far it has come. Times are milliseconds since the epoch. */
export interface History {
  context: Context;
  ref: HeldRef;
  held: Held;
  reader: Required<Pick<Conversations, 'list' | 'messages' | 'one'>>;
  /** The most messages of a conversation that are read as history. */
  messages: number;
  /** Older messages are not read. */
  after: number;
  /** Newer messages are news, however late they are found. */
  liveSince: number;
  lastReadAt: number | null;
  counts: HistoryCounts;
  /** The run's cursor. */
  cursor: string | null;
}

/**
 * Writes facts that the provider told, how far the run has come, and what `write` adds, in one transaction. Answers how many
 * facts were of erased people. Throws `Fenced`
 * where the run or the login is another's by now; `AccountReleasedError` is one, too.
 */
export async function writeFacts(
  history: History,
  facts: readonly Fact[],
  to: { cursor: string | null; part: number | null },
  write: (em: Em) => Promise<void>,
): Promise<number> {
  let erased = 0;
  const { context, ref, held, counts } = history;
  const next = { ...counts };
  await writePage(context, ref, held, async (em) => {
    const kept = await withoutErased(em, context.vault, ref.tenantId, facts);
    erased = facts.length - kept.length;
    const written = await byHalves(
      em,
      kept,
      (inner, some) => applyFacts(inner, context.vault, some, context.clock.now()),
      (error) => {
        next.failed += 1;
        context.log.warn({ account: ref.accountId, err: error }, 'an entry of a history cannot be stored');
      },
    );
    for (const { inserted, news, known } of written) {
      next.messages += inserted;
      next.recovered += news;
      next.unchanged += known;
    }
    await write(em);
    const advance = { id: held.run.id, from: history.cursor, to: to.cursor, part: to.part, stats: next };
    if (!(await moveRun(em, advance, held.holder.id, held.until()))) throw new Fenced('taken');
  });
  Object.assign(counts, next);
  history.cursor = to.cursor;
  held.holder.counted?.({ ...counts });
  return erased;
}
