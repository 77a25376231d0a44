import type { Em } from '../../db/connect.ts';
import { sealed } from '../../db/sealed.ts';
import { executeParts, type Parts } from '../../db/sql.ts';
import type { Vault } from '../../db/vault.ts';
import { changesOf, overruleChanges } from '../../db/queries/conversations/conversation-changes.ts';
import { AccountReleasedError } from '../../db/queries/messages/account-fence.ts';
import { claimProviderKeys } from '../../db/queries/messages/claim-keys.ts';
import { noteDepartures, removeDeparted } from '../../db/queries/messages/departures.ts';
import {
  joinAttendees,
  joinConversations,
  joinMessages,
  recountConversations,
  type Joining,
} from '../../db/queries/messages/join-rows.ts';
import { loadMessages, loadRows, requireConversations } from '../../db/queries/messages/load.ts';
import { messagesBelowMarks, type MarkedConversation } from '../../db/queries/messages/watermarks.ts';
import { writeRows } from '../../db/queries/messages/write.ts';
import { FactApplication } from './fact-application.ts';
import { conversationKeysOf, peopleOf, tellsState, type Fact } from './facts.ts';
import { KeyGroups, type Group } from './key-groups.ts';
import { OwnChanges } from './own-changes.ts';

/** Messages that facts told: new ones, and such as were here. */
export interface Applied {
  inserted: number;
  /** When those of the new ones that are news were sent, in milliseconds since the epoch. */
  newsAt: readonly number[];
  known: number;
}

/**
 * Writes what was told of conversations, in the caller's transaction. The rows depend on the set of facts alone: their order,
 * and how often each came, change nothing. Answers how many messages were new. `besides` is
 * executed with the rows, in one statement. Throws `AccountReleasedError`: then nothing of the transaction may be kept; and
 * `RowsMovedError`, which counts as a busy database.
 */
export async function applyFacts(
  em: Em,
  vault: Vault,
  facts: readonly Fact[],
  now: Date,
  besides: Parts = [],
): Promise<Applied> {
  if (!facts.length) {
    await executeParts(em, besides);
    return { inserted: 0, newsAt: [], known: 0 };
  }
  const groups = new KeyGroups();
  for (const fact of facts) addKeys(groups, fact);
  const moved = groups.settle(await claimProviderKeys(em, groups.asked(), now));
  const rowsOf = (kind: Group['kind']): string[] =>
    groups.all(kind).flatMap(({ id, losers, isNew }) => (isNew ? [] : [id, ...losers]));
  const marked = markedBy(facts, groups);
  const below = await messagesBelowMarks(em, marked);
  const accounts = [...new Set(facts.map(({ accountId }) => accountId))];
  const loaded = await loadRows(em, {
    accounts,
    messages: [...new Set([...rowsOf('message'), ...below])],
    conversations: rowsOf('conversation'),
    attendees: rowsOf('attendee'),
    keys: groups
      .all('message')
      .filter(({ exists }) => exists)
      .flatMap(({ accountId, keys }) => [...keys].map((key) => ({ accountId, key }))),
  });
  if (loaded.accounts.length < accounts.length) throw new AccountReleasedError('The account has no login any more.');
  await requireConversations(em, rowsOf('conversation'), loaded);
  // Written by others until their conversation was locked here.
  const late = (await messagesBelowMarks(em, marked)).filter((id) => !loaded.messages.some((one) => one.id === id));
  if (late.length) loaded.messages.push(...(await loadMessages(em, late)));
  const own = new OwnChanges(facts.some(tellsState) ? await changesOf(em, rowsOf('conversation')) : []);
  const applying = new FactApplication(groups, loaded, own);
  for (const fact of facts) applying.people(fact);
  for (const fact of facts) applying.message(fact);
  applying.waiting();
  for (const fact of facts) applying.effect(fact);
  for (const fact of facts) applying.conversation(fact);
  for (const fact of facts) applying.watermark(fact);
  const { writing, departures, recount } = applying.result();
  const keysOf = new Map<string, Awaited<ReturnType<Vault['keysOf']>>>();
  for (const { tenantId, source } of writing.attachments)
    if (source !== null && !keysOf.has(tenantId)) keysOf.set(tenantId, await vault.keysOf(em, tenantId));
  const attachments = writing.attachments.map((one) => ({
    ...one,
    source:
      one.source === null
        ? null
        : (keysOf.get(one.tenantId)?.seal(one.source, sealed.attachmentSource(one.id)) ?? null),
  }));
  await executeParts(em, [...writeRows({ ...writing, attachments, keys: moved }, now), ...besides]);
  if (own.overruled.size) await overruleChanges(em, [...own.overruled.values()], now);
  await joinMessages(em, joinsOf(groups, 'message'));
  const joined = joinsOf(groups, 'conversation');
  await joinConversations(em, joined);
  const joinedPeople = joinsOf(groups, 'attendee');
  await joinAttendees(em, joinedPeople);
  await noteDepartures(em, departures);
  await removeDeparted(em, {
    conversations: [...departures.map(({ conversationId }) => conversationId), ...survivorsOf(joined)],
    attendees: survivorsOf(joinedPeople),
  });
  await recountConversations(em, [...new Set([...recount, ...survivorsOf(joined)])]);
  const inserted = writing.messages.filter(({ isNew }) => isNew);
  const told = groups.all('message').filter(({ exists }) => exists).length;
  return {
    inserted: inserted.length,
    newsAt: inserted.flatMap(({ isLive, sentAt }) => (isLive ? [sentAt.getTime()] : [])),
    known: told - inserted.length,
  };
}

/** Conversations whose watermarks may rise: they were told, or several rows are one. */
function markedBy(facts: readonly Fact[], groups: KeyGroups): MarkedConversation[] {
  const marked = new Map<Group, MarkedConversation>();
  const raise = (group: Group, told: { delivered: Date | null; read: Date | null }): void => {
    const known = marked.get(group);
    marked.set(group, {
      conversations: [group.id, ...group.losers],
      delivered: latest(known?.delivered ?? null, told.delivered),
      read: latest(known?.read ?? null, told.read),
    });
  };
  for (const group of groups.all('conversation'))
    if (group.losers.length) raise(group, { delivered: null, read: null });
  for (const { accountId, told } of facts) {
    if (told.kind !== 'watermark') continue;
    const group = groups.of(accountId, 'conversation', told.conversationKeys);
    const upTo = new Date(told.upTo);
    if (group) raise(group, { delivered: upTo, read: told.status === 'read' ? upTo : null });
  }
  return [...marked.values()];
}

const latest = (one: Date | null, other: Date | null): Date | null =>
  one === null || other === null ? (one ?? other) : one > other ? one : other;

const joinsOf = (groups: KeyGroups, kind: Group['kind']): Joining[] =>
  groups.all(kind).flatMap(({ id, losers }) => losers.map((loser) => ({ loser, survivor: id })));

const survivorsOf = (joins: readonly Joining[]): string[] => joins.map(({ survivor }) => survivor);

function addKeys(groups: KeyGroups, fact: Fact): void {
  const { told } = fact;
  for (const { keys } of peopleOf(fact)) groups.add(fact, 'attendee', keys);
  if (told.kind === 'effect') groups.add(fact, 'message', told.messageKeys, false);
  else groups.add(fact, 'conversation', conversationKeysOf(fact));
  if (told.kind === 'message') groups.add(fact, 'message', told.message.keys);
}
