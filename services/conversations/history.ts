import type { Em } from '../../db/connect.ts';
import { moveRun } from '../../db/queries/syncs/held-runs.ts';
import { noteMissed, type MissedMessage } from '../../db/queries/webhooks/missed-webhooks.ts';
import type { Uptime } from '../../db/queries/webhooks/intake-uptime.ts';
import { stillComingMs, tookWebhooks } from '../../domain/missed-webhooks.ts';
import type { Conversations } from '../../providers/provider.ts';
import { timeOf, type Context } from '../context.ts';
import { applyFacts } from '../messages/apply-facts.ts';
import type { Fact } from '../messages/facts.ts';
import { withoutErased } from '../messages/without-erased.ts';
import { withoutExpired } from '../messages/without-expired.ts';
import { byHalves } from '../syncs/by-halves.ts';
import { Fenced, writePage, type Held, type HeldRef } from '../syncs/held-run.ts';

/** What a sync of conversations counts, as the API shows it. */
interface HistoryCounts extends Record<string, number> {
  conversations: number;
  /** Messages that were new here; of them `recovered` are news that no webhook brought. */
  messages: number;
  recovered: number;
  /** Of the recovered ones, those that a webhook should have brought; and those sent while Patchbay took none in. */
  missed: number;
  during_downtime: number;
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
  reader: Required<Pick<Conversations, 'list' | 'messages' | 'one' | 'attendees'>>;
  /** First keys of conversations of which a message told that somebody joined or left. */
  membersChanged: Set<string>;
  /** The most messages of a conversation that are read as history. */
  messages: number;
  /** Older messages are not read. */
  after: number;
  /** Older messages are not stored, however they are found; null: the tenant keeps all. */
  keptSince: number | null;
  /** Newer messages are news, however late they are found. */
  liveSince: number;
  lastReadAt: number | null;
  /** Since when webhooks tell of the account's messages; null where they tell of none. */
  listeningSince: number | null;
  /** When webhooks could be taken in. */
  uptimes: readonly Uptime[];
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
  let missed: MissedMessage[] = [];
  const { context, ref, held, counts } = history;
  const next = { ...counts };
  await writePage(context, ref, held, async (em) => {
    const young = withoutExpired(facts, history.keptSince);
    const kept = await withoutErased(em, context.vault, ref.tenantId, young);
    erased = young.length - kept.length;
    const written = await byHalves(
      em,
      kept,
      (inner, some) => applyFacts(inner, context.vault, some, context.clock.now()),
      (error) => {
        next.failed += 1;
        context.log.warn({ account: ref.accountId, err: error }, 'an entry of a history cannot be stored');
      },
    );
    for (const { inserted, newsAt, known } of written) {
      next.messages += inserted;
      next.recovered += newsAt.length;
      next.unchanged += known;
    }
    missed = missedAmong(
      history,
      written.flatMap(({ newsAt }) => newsAt),
    );
    next.during_downtime += missed.filter(({ duringDowntime }) => duringDowntime).length;
    next.missed += missed.filter(({ duringDowntime }) => !duringDowntime).length;
    await noteMissed(em, ref, held.run.id, missed);
    await write(em);
    const advance = { id: held.run.id, from: history.cursor, to: to.cursor, part: to.part, stats: next };
    if (!(await moveRun(em, advance, held.holder.id, held.until()))) throw new Fenced('taken');
  });
  Object.assign(counts, next);
  for (const { duringDowntime } of missed)
    context.metrics.missedWebhooks.inc({ provider: held.provider.name, cause: duringDowntime ? 'downtime' : 'missed' });
  history.cursor = to.cursor;
  held.holder.counted?.({ ...counts });
  return erased;
}

/** Those of recovered messages of which a webhook should have come by now, had Patchbay taken it in. */
function missedAmong({ context, ref, listeningSince, uptimes }: History, sent: readonly number[]): MissedMessage[] {
  if (listeningSince === null) return [];
  const until = timeOf(context, ref).getTime() - stillComingMs;
  return sent
    .filter((at) => at > listeningSince && at <= until)
    .map((at) => ({ at, duringDowntime: !tookWebhooks(uptimes, at) }));
}
