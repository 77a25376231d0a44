import { isWorking } from '../../domain/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { sendingRulesOf } from '../../db/queries/tenants/sending-stops.ts';
import { newestReadMessage } from '../../db/queries/conversations/newest-read-message.ts';
import { providerKeysOf } from '../../db/queries/sends/provider-ids.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { Attendee } from '../../db/entities/conversations.ts';
import type { Message } from '../../db/entities/messages.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { waysToResume } from '../../domain/sending-stops.ts';
import type { MessageCapabilities } from '../../domain/message-capabilities.ts';
import type { MessageRef, Messages } from '../../providers/contract/messages.ts';
import type { ProviderCall } from '../../providers/provider.ts';
import { ownAccount } from '../accounts/find-account.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import type { Context } from '../context.ts';
import type { Principal } from '../principal.ts';
import { Problem } from '../problem.ts';
import { applyFacts } from './apply-facts.ts';
import type { Fact } from './facts.ts';
import { ownConversation, ownMessage } from './find-message.ts';

/** What can be done to a message that a channel has; the names are those of the provider's verbs. */
export type MessageAction =
  | { kind: 'react'; emoji: string | null }
  | { kind: 'edit'; text: string }
  | { kind: 'remove' };

interface Caller {
  context: Context;
  principal: Principal;
}

const words = { react: 'reactions', edit: 'edits of messages', remove: 'deletions of messages' } as const;

/**
 * Does something to a message at the provider, at once, then here. A `Problem` where the channel lacks it, the message is not
 * one to be changed, or the provider refuses: then nothing has changed here.
 */
export async function actOnMessage(caller: Caller, id: string, action: MessageAction): Promise<Message> {
  const { context, principal } = caller;
  const { db, clock, vault } = context;
  const { account, connection, ref, self } = await db.tenant(principal.tenantId, async (em) => {
    const message = await ownMessage(em, id);
    const found = await workingAccount(context, await ownAccount(em, message.accountId));
    // What went out can be taken back at any time.
    if (action.kind !== 'remove') await requireSending(em, found.account);
    requireAction(found.capabilities, action, message, found.account, clock.now());
    const keys = await providerKeysOf(em, 'message', id);
    if (!keys.length) throw new Problem('send_ended', 'The message is not at the provider.');
    return {
      account: found.account,
      connection: await connectionTo(context, em, found.account, clock.now(), found.account.providerAccountId),
      ref: { keys, conversationKeys: await providerKeysOf(em, 'conversation', message.conversationId) },
      self: await em.findOne(Attendee, { accountId: message.accountId, isSelf: true, mergedInto: null }),
    };
  });
  const verbs = connection.provider.messages;
  await orProblem(() => perform(verbs, connection.call, ref, action));
  const at = clock.now().getTime();
  const person = self && {
    keys: [self.providerAttendeeId],
    name: null,
    phone: null,
    isSelf: true,
    pictureUrl: null,
    pictureSource: null,
  };
  return db.tenant(principal.tenantId, async (em) => {
    const effect = effectOf(action, at, person);
    const told: Fact['told'] = { kind: 'effect', messageKeys: ref.keys, effect };
    const { id: accountId, tenantId } = account;
    const fact: Fact = { accountId, tenantId, teller: 'us', isLive: true, receivedAt: at, told };
    await applyFacts(em, vault, [fact], clock.now());
    return ownMessage(em, id);
  });
}

type Effect = Extract<Fact['told'], { kind: 'effect' }>['effect'];
type Person = Extract<Effect, { kind: 'reaction' }>['by'];

function effectOf(action: MessageAction, at: number, by: Person): Effect {
  switch (action.kind) {
    case 'react':
      return { kind: 'reaction', emoji: action.emoji, by, at };
    case 'edit':
      return { kind: 'edit', text: action.text, at };
    case 'remove':
      return { kind: 'delete', at, confirmed: true };
  }
}

function requireAction(
  capabilities: MessageCapabilities,
  action: MessageAction,
  message: Message,
  { channel }: Account,
  now: Date,
): void {
  if (!capabilities[action.kind]) throw new Problem('unsupported', `${channel} has no ${words[action.kind]} here.`);
  if (message.deletedAt) throw new Problem('invalid_request', 'The message was deleted.');
  if (action.kind === 'react') return;
  if (message.direction !== 'out') throw new Problem('invalid_request', 'Only own messages can be changed.');
  const withinMs = capabilities[action.kind]?.withinMs ?? null;
  if (withinMs !== null && now.getTime() - message.sentAt.getTime() > withinMs)
    throw new Problem('invalid_request', 'The message is too old to be changed.');
  if (action.kind === 'edit' && action.text.length > capabilities.textLimit)
    throw new Problem('invalid_request', `text: must be at most ${capabilities.textLimit} characters.`);
}

function perform(
  verbs: Messages | undefined,
  call: ProviderCall,
  ref: MessageRef,
  action: MessageAction,
): Promise<void> | undefined {
  switch (action.kind) {
    case 'react':
      return verbs?.react?.(call, ref, action.emoji);
    case 'edit':
      return verbs?.edit?.(call, ref, action.text);
    case 'remove':
      return verbs?.remove?.(call, ref);
  }
}

/** Shows the people of a conversation that the account is writing, where the channel can show that by itself. */
export async function showTyping(
  { context, principal }: Caller,
  conversationId: string,
  activity: 'writing' | 'recording' | 'stopped',
): Promise<void> {
  const { connection, keys, messageKeys } = await context.db.tenant(principal.tenantId, async (em) => {
    const conversation = await ownConversation(em, conversationId);
    const { account, capabilities } = await workingAccount(context, await ownAccount(em, conversation.accountId));
    await requireSending(em, account);
    if (capabilities.typing !== 'alone')
      throw new Problem('unsupported', `${account.channel} cannot show that the account is writing here.`);
    const now = context.clock.now();
    const newest = await newestReadMessage(em, conversation.id, now);
    return {
      connection: await connectionTo(context, em, account, now, account.providerAccountId),
      keys: await providerKeysOf(em, 'conversation', conversation.id),
      messageKeys: newest ? await providerKeysOf(em, 'message', newest) : [],
    };
  });
  const newest = messageKeys.length ? { keys: messageKeys, conversationKeys: keys } : undefined;
  await orProblem(() =>
    connection.provider.messages?.typing?.(connection.call, { kind: 'conversation', keys }, activity, newest),
  );
}

/** 409 where the account's tenant sends nothing. */
async function requireSending(em: Em, { tenantId }: Account): Promise<void> {
  const { stop } = await sendingRulesOf(em, tenantId);
  if (stop) throw new Problem('sending_stopped', waysToResume[stop.reason]);
}

/** 422 where the channel has no messages, 409 where the account does not work now. */
async function workingAccount(
  { providers }: Context,
  account: Account,
): Promise<{ account: Account; capabilities: MessageCapabilities }> {
  const capabilities = providers[account.provider]?.messages?.capabilities[account.channel];
  if (!capabilities) throw new Problem('unsupported', `${account.provider} has no messages for ${account.channel}.`);
  if (!isWorking(account) || !account.providerAccountId) throw new Problem('account_not_connected');
  return { account, capabilities };
}

/** Runs a call whose caller waits; what the provider refuses becomes a `Problem`. */
async function orProblem(call: () => Promise<void> | undefined): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const retryAfter = Math.ceil((error.retryAfterMs ?? 10_000) / 1000);
    if (error.code === 'request_refused') throw new Problem('invalid_request', error.message);
    if (error.code === 'unsupported') throw new Problem('unsupported', error.message);
    if (error.code === 'not_found') throw new Problem('not_found', 'The provider does not know the message.');
    if (error.code === 'rate_limited') throw new Problem('rate_limited', error.message, { retryAfter });
    if (failureRow(error.code).action === 'reconnect') throw new Problem('account_not_connected');
    throw new Problem('provider_unavailable', undefined, { retryAfter });
  }
}
