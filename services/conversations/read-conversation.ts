import { countSince, saveHistory, type HistoryRow } from '../../db/queries/syncs/conversation-history.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { personWithKeys, type ConversationEvent, type SeenMessage } from '../../domain/seen-messages.ts';
import type { Period, SeenPage } from '../../providers/contract/conversations.ts';
import type { Fact } from '../messages/facts.ts';
import { withRetries } from '../syncs/with-retries.ts';
import { writeFacts, type History } from './history.ts';

const msOf = (text: string | null): number | null => (text === null ? null : Date.parse(text));
const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * Reads what is missing of a conversation, its newest messages first: those that are newer than what is covered, then older
 * ones down to the tenant's depth. True where the provider was asked; `more` where the time for one activity is over.
 */
export async function readConversation(
  history: History,
  keys: readonly string[],
  met: HistoryRow,
): Promise<boolean | 'more'> {
  let row = met;
  let hasNewest = false;
  let asked = false;
  while (!row.isRead) {
    const next: Pass | null = row.pass ? { pass: row.pass, period: {} } : await nextPass(history, row, hasNewest);
    if (!next) {
      if (asked) await keep(history, [], { ...row, isRead: true });
      return asked;
    }
    asked = true;
    const pass: Pass['pass'] = next.pass;
    const page = await pageOf(history, keys, row.cursor, next.period);
    if (!page) {
      history.counts.gone += 1;
      await keep(history, [], { ...row, isRead: true, pass: null, cursor: null });
      return true;
    }
    row = await savePage(history, keys, { ...row, pass }, page);
    hasNewest ||= pass === 'newer' && row.pass === null;
    if (history.held.isOver()) return 'more';
  }
  return asked;
}

/** What a message tells of members, without saying which. */
const membership: ReadonlySet<ConversationEvent> = new Set([
  'participant_added',
  'participant_removed',
  'participant_left',
]);

interface Pass {
  pass: 'newer' | 'older';
  period: Period;
}

/** What has to be read next; null where nothing is missing. */
async function nextPass(
  { context, ref, after, messages }: History,
  row: HistoryRow,
  hasNewest: boolean,
): Promise<Pass | null> {
  const [newest, from, to] = [msOf(row.providerNewestAt), msOf(row.coveredFrom), msOf(row.coveredTo)];
  if (to === null || from === null) return { pass: 'newer', period: { after } };
  // Messages of one moment: those of the newest one may not all have been there.
  if (!hasNewest && (newest === null || newest > to)) return { pass: 'newer', period: { after: to - 1 } };
  if (from <= after) return null;
  const count = await context.db.tenant(ref.tenantId, (em) => countSince(em, row.conversationId, iso(from)));
  return count < messages ? { pass: 'older', period: { after, before: from + 1 } } : null;
}

/** Null where the provider does not have the conversation any more. */
async function pageOf(
  { held, reader }: History,
  keys: readonly string[],
  cursor: string | null,
  period: Period,
): Promise<SeenPage<SeenMessage> | null> {
  try {
    return await withRetries(held, () => reader.messages(held.call, keys, cursor, period));
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return null;
    throw error;
  }
}

/** Writes a page of messages, with how far the conversation is read by then. */
async function savePage(
  history: History,
  keys: readonly string[],
  row: HistoryRow,
  page: SeenPage<SeenMessage>,
): Promise<HistoryRow> {
  const times = page.items.flatMap(({ sentAt }) => sentAt ?? []);
  const passNewest = max([msOf(row.passNewest), ...times]);
  const passOldest = min([msOf(row.passOldest), ...times]);
  history.counts.skipped += page.delivered - page.items.length;
  if (page.items.some(({ event }) => event && membership.has(event))) history.membersChanged.add(row.key);
  const facts = page.items.flatMap((message) => factsOf(history, keys, message));
  const read = {
    ...row,
    cursor: page.cursor,
    passNewest: passNewest === null ? null : iso(passNewest),
    passOldest: passOldest === null ? null : iso(passOldest),
  };
  return keep(history, facts, read, page.isCut);
}

/**
 * Stores messages and how far a conversation is read; a pass ends at the provider's last page, or at the tenant's depth. `isCut`:
 * the provider gives out nothing older.
 */
async function keep(history: History, facts: readonly Fact[], row: HistoryRow, isCut = false): Promise<HistoryRow> {
  let kept = row;
  history.counts.erased += await writeFacts(history, facts, { cursor: history.cursor, part: null }, async (em) => {
    const isHistory = row.pass === 'older' || row.coveredTo === null;
    const isEnough =
      isHistory &&
      row.passOldest !== null &&
      (await countSince(em, row.conversationId, row.passOldest)) >= history.messages;
    if (row.pass && (row.cursor === null || isEnough))
      kept = afterPass(history, row, isCut || (isEnough && row.cursor !== null));
    if (isCut) kept = { ...kept, isRead: true };
    await saveHistory(em, history.ref.accountId, kept);
  });
  return kept;
}

/** `isCut`: older messages were left out. */
function afterPass({ after }: History, row: HistoryRow, isCut: boolean): HistoryRow {
  const [newest, oldest] = [msOf(row.passNewest), msOf(row.passOldest)];
  const [from, to] = [msOf(row.coveredFrom), msOf(row.coveredTo)];
  const isFirst = from === null || to === null;
  const reached = isCut ? (oldest ?? from ?? msOf(row.providerNewestAt) ?? after) : after;
  // Between what was covered and a cut pass messages may be missing.
  const hasGap = isCut && !isFirst && row.pass === 'newer' && reached > to;
  const before = row.pass === 'older' && !isFirst ? Math.min(from, reached) : from;
  const coveredFrom = isFirst || before === null || hasGap ? reached : before;
  const coveredTo = max([to, row.pass === 'newer' ? (newest ?? (isFirst ? after : null)) : null]) ?? after;
  return {
    ...row,
    coveredFrom: iso(coveredFrom),
    coveredTo: iso(coveredTo),
    pass: null,
    cursor: null,
    passNewest: null,
    passOldest: null,
  };
}

function factsOf({ context, ref, liveSince }: History, keys: readonly string[], message: SeenMessage): Fact[] {
  if (!message.keys.length) return [];
  const origin = {
    accountId: ref.accountId,
    tenantId: ref.tenantId,
    teller: 'provider',
    isLive: message.sentAt !== null && message.sentAt > liveSince,
    receivedAt: context.clock.now().getTime(),
  } as const;
  const reads = (message.readBy ?? []).map(({ by, at }): Fact => {
    const effect = {
      kind: 'status',
      status: 'read',
      by: personWithKeys([by]),
      at: at ?? message.sentAt ?? origin.receivedAt,
    } as const;
    return { ...origin, told: { kind: 'effect', messageKeys: message.keys, effect } };
  });
  return [{ ...origin, told: { kind: 'message', message, conversation: { keys } } }, ...reads];
}

const known = (times: readonly (number | null)[]): number[] => times.filter((one) => one !== null);
const max = (times: readonly (number | null)[]): number | null =>
  known(times).reduce<number | null>((best, one) => (best === null || one > best ? one : best), null);
const min = (times: readonly (number | null)[]): number | null =>
  known(times).reduce<number | null>((best, one) => (best === null || one < best ? one : best), null);
