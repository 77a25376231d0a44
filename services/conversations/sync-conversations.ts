import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import {
  historyBounds,
  keysOfConversations,
  meetConversations,
  type HistoryRow,
} from '../../db/queries/syncs/conversation-history.ts';
import { atTheEnd, endRun, moveRun } from '../../db/queries/syncs/held-runs.ts';
import { targetOf } from '../../db/queries/syncs/sync-target.ts';
import { uptimesSince } from '../../db/queries/webhooks/intake-uptime.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenConversation } from '../../domain/seen-messages.ts';
import type { SyncProgress } from '../../domain/syncs.ts';
import { nextSlot } from '../../domain/visits.ts';
import type { SeenPage } from '../../providers/contract/conversations.ts';
import { timeOf, type Context } from '../context.ts';
import type { Fact } from '../messages/facts.ts';
import { keptSince } from '../messages/without-expired.ts';
import { followSweep } from '../webhooks/deaf-accounts.ts';
import { Fenced, workOnRun, type Held, type HeldRef, type Holder } from '../syncs/held-run.ts';
import { withRetries } from '../syncs/with-retries.ts';
import { writeFacts, type History } from './history.ts';
import { readConversation } from './read-conversation.ts';
import { readMembers } from './read-members.ts';

/** The list was read to its end; conversations that came to its front meanwhile are looked for. */
const atTheFront = 'front';
const dayMs = 86_400_000;
/** How often an account is looked at for messages that no webhook brought. */
const safetyNetEveryMs = 3_600_000;

/** Works on an account's running sync of conversations, as `workOnRun` does. */
export const syncConversations = (context: Context, ref: HeldRef, holder: Holder): Promise<SyncProgress> =>
  workOnRun(context, ref, holder, async (held) => {
    const history = await openHistory(context, ref, held);
    const target = targetOf(await context.vault.keysOf(context.db, ref.tenantId), held.run);
    const isThrough =
      target && 'conversation_ids' in target
        ? await readNamed(history, target.conversation_ids)
        : await readList(history);
    const outcome = isThrough ? await finish(history) : 'more';
    if (outcome === 'done' && ref.scope === '') await followSweep(context, ref, held);
    return { outcome, counts: { ...history.counts } };
  });

async function openHistory(context: Context, ref: HeldRef, held: Held): Promise<History> {
  const { list, messages, one, attendees } = held.provider.conversations ?? {};
  if (!list || !messages || !one || !attendees)
    throw new ProviderFailure('unsupported', 'The provider keeps no history.');
  const bounds = await context.db.tenant(ref.tenantId, (em) => historyBounds(em, ref));
  const { depth, keptDays, liveSince, lastReadAt, listeningSince } = bounds;
  const uptimes = listeningSince ? await context.db.system((em) => uptimesSince(em, listeningSince)) : [];
  const none = { conversations: 0, messages: 0, recovered: 0, missed: 0, during_downtime: 0, unchanged: 0 };
  const left = { skipped: 0, erased: 0, failed: 0, gone: 0 };
  return {
    context,
    ref,
    held,
    reader: { list, messages, one, attendees },
    membersChanged: new Set(),
    messages: depth.messages,
    after: timeOf(context, ref).getTime() - depth.days * dayMs,
    keptSince: keptSince(keptDays, timeOf(context, ref)),
    liveSince: liveSince.getTime(),
    lastReadAt: lastReadAt?.getTime() ?? null,
    listeningSince: listeningSince?.getTime() ?? null,
    uptimes,
    counts: { ...none, ...left, ...held.run.stats },
    cursor: held.run.cursor,
  };
}

/** The list from the run's cursor on, newest first. False where the time for one activity is over before its end. */
async function readList(history: History): Promise<boolean> {
  const { held, after, lastReadAt } = history;
  const since = held.run.since === null ? Math.min(after, lastReadAt ?? after) : Date.parse(held.run.since);
  while (history.cursor !== atTheEnd && history.cursor !== atTheFront) {
    const cursor = history.cursor === null ? null : history.cursor.slice(2);
    const { page, askedAt } = await pageAt(history, cursor, since);
    const read = await readMessagesOf(history, page.items, askedAt);
    if (read.isOver) return false;
    history.counts.skipped += page.delivered - page.items.length;
    history.counts.conversations += page.items.length - read.erased;
    history.counts.erased += read.erased;
    const to = page.cursor === null ? atTheFront : `c:${page.cursor}`;
    await writeFacts(history, [], { cursor: to, part: partOf(history, page.items) }, async () => undefined);
    if (held.isOver()) return false;
  }
  for (let cursor: string | null = null; history.cursor === atTheFront;) {
    const at: string | null = cursor;
    const { page, askedAt }: AskedPage = await pageAt(history, at, since);
    const read = await readMessagesOf(history, page.items, askedAt);
    if (read.isOver) return false;
    ({ cursor } = page);
    if (read.asked && cursor !== null) continue;
    await writeFacts(history, [], { cursor: atTheEnd, part: null }, async () => undefined);
  }
  return true;
}

/** A page of the list, which shows its conversations as they were at some time after `askedAt`, in milliseconds since the epoch. */
interface AskedPage {
  page: SeenPage<SeenConversation>;
  askedAt: number;
}

async function pageAt({ context, held, reader }: History, cursor: string | null, since: number): Promise<AskedPage> {
  const askedAt = context.clock.now().getTime();
  return { page: await withRetries(held, () => reader.list(held.call, cursor, since)), askedAt };
}

/** The part of the wanted time that is read, from 0 to 1. */
function partOf({ context, ref, after }: History, page: readonly SeenConversation[]): number | null {
  const oldest = page.at(-1)?.lastMessageAt;
  if (oldest === undefined || oldest === null) return null;
  const now = timeOf(context, ref).getTime();
  return Math.min(Math.max((now - oldest) / (now - after), 0), 0.99);
}

/** Conversations by our ids. */
async function readNamed(history: History, ids: readonly string[]): Promise<boolean> {
  const { context, ref, held, reader, counts } = history;
  const named = await context.db.tenant(ref.tenantId, (em) => keysOfConversations(em, ref.accountId, ids));
  let found = 0;
  for (const { keys } of named) {
    const askedAt = context.clock.now().getTime();
    const one = await withRetries(held, () => reader.one(held.call, keys));
    if (!one) continue;
    found += 1;
    if ((await readMessagesOf(history, [one], askedAt)).isOver) return false;
  }
  if (!found) throw new ProviderFailure('not_found', 'The provider does not have these conversations any more.');
  counts.conversations = found;
  counts.gone = named.length - found;
  return true;
}

/** `asked`: the provider was asked for messages; `isOver`: the time for one activity is over; how many were of erased people. */
interface Read {
  asked: boolean;
  isOver: boolean;
  erased: number;
}

/** Writes conversations, then reads the messages of each. */
async function readMessagesOf(history: History, seen: readonly SeenConversation[], receivedAt: number): Promise<Read> {
  const { ref, held } = history;
  const named = seen.filter(({ keys }) => keys.length > 0);
  const origin = { accountId: ref.accountId, tenantId: ref.tenantId, teller: 'provider', isLive: false } as const;
  const facts = named.map((conversation): Fact => ({
    ...origin,
    receivedAt,
    told: { kind: 'conversation', conversation, at: receivedAt },
  }));
  let rows: HistoryRow[] = [];
  const met = named.map(({ keys, lastMessageAt }) => ({
    key: keys[0] ?? '',
    newestAt: lastMessageAt === null ? null : new Date(lastMessageAt),
  }));
  const erased = await writeFacts(history, facts, { cursor: history.cursor, part: null }, async (em) => {
    rows = await meetConversations(em, ref, held.run.id, met);
  });
  const byKey = new Map(rows.map((row) => [row.key, row]));
  let asked = false;
  for (const { keys } of named) {
    const row = byKey.get(keys[0] ?? '');
    if (!row || row.isRead) continue;
    const read = await readConversation(history, keys, row);
    if (history.membersChanged.delete(row.key)) await readMembers(history, keys);
    if (read === 'more') return { asked: true, isOver: true, erased };
    asked ||= read;
  }
  return { asked, isOver: false, erased };
}

async function finish({ context, ref, held, counts, cursor }: History): Promise<'done' | 'again'> {
  return context.db.tenant(ref.tenantId, async (em) => {
    const at = timeOf(context, ref);
    await lockContacts(em, ref.accountId);
    const last = { id: held.run.id, from: cursor, to: atTheEnd, part: null, stats: counts };
    if (!(await moveRun(em, last, held.holder.id, held.until()))) throw new Fenced('taken');
    const ended = await endRun(em, held.run.id, held.holder.id, at, {});
    if (!ended) throw new Fenced('taken');
    if (ended.again) return 'again';
    await noteEnd(em, ref, at, counts);
    return 'done';
  });
}

async function noteEnd(em: Em, { accountId, scope }: HeldRef, at: Date, counts: History['counts']): Promise<void> {
  const account = await em.findOneOrFail(Account, { id: accountId });
  if (scope === '') {
    account.lastSyncAt = at;
    account.historyDueAt = new Date(nextSlot(accountId, at.getTime(), safetyNetEveryMs));
  }
  const { recovered, missed, during_downtime } = counts;
  if (!recovered) return;
  const text = [
    `${recovered} ${recovered === 1 ? 'message' : 'messages'} recovered.`,
    ...(missed ? [`Webhooks should have brought ${missed} of them.`] : []),
    ...(during_downtime ? [`${during_downtime} were sent while Patchbay took no webhooks in.`] : []),
  ].join(' ');
  addTimelineEvent(em, account, at, 'messages_recovered', text, {
    data: { messages: recovered, missed, during_downtime },
  });
}
