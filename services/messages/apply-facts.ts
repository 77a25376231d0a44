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
import { loadRows } from '../../db/queries/messages/load.ts';
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
 * executed with the rows, in one statement. Throws `AccountReleasedError`: then nothing of the transaction may be kept.
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
  const accounts = [...new Set(facts.map(({ accountId }) => accountId))];
  const loaded = await loadRows(em, {
    accounts,
    messages: rowsOf('message'),
    conversations: rowsOf('conversation'),
    attendees: rowsOf('attendee'),
    keys: groups
      .all('message')
      .filter(({ exists }) => exists)
      .flatMap(({ accountId, keys }) => [...keys].map((key) => ({ accountId, key }))),
  });
  if (loaded.accounts.length < accounts.length) throw new AccountReleasedError('The account has no login any more.');
  const own = new OwnChanges(facts.some(tellsState) ? await changesOf(em, rowsOf('conversation')) : []);
  const applying = new FactApplication(groups, loaded, own);
  for (const fact of facts) applying.people(fact);
  for (const fact of facts) applying.message(fact);
  applying.waiting();
  for (const fact of facts) applying.effect(fact);
  for (const fact of facts) applying.conversation(fact);
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
