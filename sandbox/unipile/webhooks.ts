import type { Delivery } from '../server/deliveries.ts';
import { attachmentsOf } from './attachments.ts';
import { chatState } from './chat-store.ts';
import { chatId, type MessageRef } from './ids.ts';
import type { State, Webhook } from './state.ts';
import type { Account, Reaction } from './types.ts';
import { attendeeFacts, webhookAttendee } from './views/attendees.ts';
import { chatFacts, folderOf } from './views/chats.ts';
import { messageFacts } from './views/messages.ts';

export type MessageEvent = 'message_received' | 'message_read' | 'message_delivered' | 'message_reaction';

/** `message`: one of the documented words or a source's status. */
export function emitStatus(state: State, account: Account, message: string): void {
  const { account_status_shape: shape, account_status_reason: reason } = state.variants.values;
  const status = {
    account_id: account.id,
    account_type: account.type,
    message,
    ...(reason !== null && message !== 'OK' && { reason }),
  };
  const payload = shape === 'flat' ? status : { AccountStatus: status };
  for (const hook of listening(state, account, 'account_status')) {
    deliver(state, hook, account, payload, `account_status ${message}`);
  }
}

export function emitMessage(
  state: State,
  account: Account,
  ref: MessageRef,
  event: MessageEvent,
  reaction: Reaction | null = null,
): void {
  const hooks = listening(state, account, 'messaging').filter((hook) =>
    (hook.events ?? ['message_received']).includes(event),
  );
  if (hooks.length === 0) return;
  const payload = messagePayload(state, account, ref, event, reaction);
  for (const hook of hooks) {
    deliver(state, hook, account, rename({ ...payload, webhook_name: hook.name ?? '' }, hook), event);
  }
}

function listening(state: State, account: Account, source: string): Webhook[] {
  return [...state.webhooks.values()].filter(
    (hook) =>
      hook.enabled && hook.source === source && (hook.accountIds === null || hook.accountIds.includes(account.id)),
  );
}

function messagePayload(
  state: State,
  account: Account,
  ref: MessageRef,
  event: MessageEvent,
  reaction: Reaction | null,
): Record<string, unknown> {
  const variants = state.variants.values;
  const facts = messageFacts(account, ref);
  const chat = chatFacts(account, facts.chat, variants);
  const attachments = attachmentsOf(account, ref).map((one) => one.view);
  return {
    event,
    account_id: account.id,
    account_type: account.type,
    account_info: accountInfo(account),
    chat_id: chatId(account, facts.chat),
    provider_chat_id: chat.providerId,
    message_id: facts.id,
    provider_message_id: facts.providerId,
    message: facts.text,
    subject: chat.subject,
    timestamp: new Date(facts.ts).toISOString(),
    attachments: variants.webhook_attachments === 'array' ? attachments : Object.assign({}, attachments),
    sender: webhookAttendee(account, facts.sender, variants),
    attendees: chat.others.map((other) => webhookAttendee(account, other, variants)),
    ...(variants.webhook_is_sender && { is_sender: facts.sender.kind === 'self' }),
    is_event: 0,
    is_group: chat.group,
    is_forwarded: false,
    chat_pinned: chatState(account.store, facts.chat).pinned ? 1 : 0,
    chat_content_type: null,
    message_type: 'MESSAGE',
    folder: [folderOf(account)],
    quoted: null,
    ...(event === 'message_read' && { seen: 1, seen_by: facts.state.seenBy ?? {} }),
    ...(reaction && {
      reaction: reaction.value,
      reaction_sender: reactionSender(state, account, facts.sender, reaction),
    }),
  };
}

function reactionSender(
  state: State,
  account: Account,
  fallback: Parameters<typeof webhookAttendee>[1],
  reaction: Reaction,
): object {
  const variants = state.variants.values;
  const shown = webhookAttendee(account, reaction.is_sender ? { kind: 'self', index: 0 } : fallback, variants);
  return { ...shown, attendee_provider_id: reaction.sender_id };
}

function accountInfo(account: Account): object {
  const { type, identity } = account;
  if (type === 'WHATSAPP') return { type, phone_number: `+${identity?.phone ?? ''}` };
  if (type === 'LINKEDIN') return { type, feature: 'classic', user_id: identity?.providerId ?? '' };
  return { type, user_id: identity?.providerId ?? '' };
}

/** As the webhook's `data` says. */
function rename(payload: Record<string, unknown>, hook: Webhook): Record<string, unknown> {
  for (const { name, key } of hook.data) {
    if (!(key in payload) || name === key) continue;
    payload[name] = payload[key];
    delete payload[key];
  }
  return payload;
}

function deliver(state: State, hook: Webhook, account: Account, payload: object, label: string): void {
  const variants = state.variants.values;
  const any2xx = variants.webhook_success === '2xx';
  // The real service sends JSON under a form's content type, unless the webhook's own headers differ.
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const { key, value } of hook.headers) headers[key.toLowerCase()] = value;
  const delivery: Delivery = {
    provider: 'unipile',
    url: hook.requestUrl,
    headers,
    body: hook.format === 'form' ? asForm(payload) : JSON.stringify(payload),
    lane: `unipile ${hook.id} ${account.id}`,
    label,
    retries: 5,
    retryBaseSeconds: variants.webhook_retry_base_seconds,
    timeoutSeconds: variants.webhook_timeout_seconds,
    succeeded: (status) => status === 200 || (any2xx && status >= 200 && status < 300),
  };
  state.shared.deliveries.send(delivery);
}

function asForm(payload: object): string {
  const fields = Object.entries(payload).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return new URLSearchParams(fields).toString();
}

export function providerIdOf(state: State, account: Account, ref: Parameters<typeof attendeeFacts>[1]): string {
  return attendeeFacts(account, ref, state.variants.values).providerId;
}
