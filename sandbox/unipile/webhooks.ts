import type { Delivery } from '../server/deliveries.ts';
import { chatState, nextTs } from './chat-store.ts';
import { chatId, type MessageRef } from './ids.ts';
import type { State, Webhook } from './state.ts';
import type { Account, AttendeeRef } from './types.ts';
import { webhookAttendee } from './views/attendees.ts';
import { chatFacts, folderOf } from './views/chats.ts';
import { messageFacts, quotedView, shownContent } from './views/messages.ts';

type MessageEvent =
  | 'message_received'
  | 'message_read'
  | 'message_delivered'
  | 'message_reaction'
  | 'message_edited'
  | 'message_deleted';

/** An empty `value`: taken back. */
interface SentReaction {
  value: string;
  author: AttendeeRef;
}

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
  reaction: SentReaction | null = null,
): void {
  const hooks = listening(state, account, 'messaging').filter((hook) =>
    (hook.events ?? ['message_received']).includes(event),
  );
  if (hooks.length === 0) return;
  const payload = messagePayload(state, account, ref, event);
  if (reaction) {
    const sender = webhookAttendee(account, reaction.author, state.variants.values);
    const isNull = reaction.value === '' && state.variants.values.removed_reaction === 'null';
    Object.assign(payload, { reaction: isNull ? null : reaction.value, reaction_sender: sender });
  }
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

function messagePayload(state: State, account: Account, ref: MessageRef, event: MessageEvent): Record<string, unknown> {
  const variants = state.variants.values;
  const facts = messageFacts(account, ref);
  const chat = chatFacts(account, facts.chat, variants);
  const { text, attachments } = shownContent(state, account, ref);
  const changed = event !== 'message_received' && variants.webhook_change_time === 'change';
  const at = changed ? nextTs(account.store, state.shared.clock.now()) : facts.ts;
  const ids = {
    event,
    account_id: account.id,
    account_type: account.type,
    account_info: accountInfo(account),
    chat_id: chatId(account, facts.chat),
    provider_chat_id: chat.providerId,
    message_id: facts.id,
    provider_message_id: facts.providerId,
    message: text,
    timestamp: new Date(at).toISOString(),
  };
  if (variants.webhook_change_body === 'ids' && UNDOCUMENTED.has(event)) return ids;
  return {
    ...ids,
    subject: chat.subject,
    attachments: variants.webhook_attachments === 'array' ? attachments : asObject(attachments[0]),
    sender: webhookAttendee(account, facts.sender, variants),
    attendees: chat.others.map((other) => webhookAttendee(account, other, variants)),
    ...(variants.webhook_is_sender && { is_sender: facts.sender.kind === 'self' }),
    is_event: facts.eventType === null ? 0 : 1,
    ...(facts.eventType !== null && { event_type: facts.eventType }),
    is_group: chat.group && !chat.channel,
    is_forwarded: false,
    chat_pinned: chatState(account.store, facts.chat).pinned ? 1 : 0,
    chat_content_type: null,
    message_type: facts.eventType === null ? 'MESSAGE' : null,
    folder: [folderOf(account)],
    quoted: facts.quoteId === null ? null : quotedView(state, account, facts.quoteId),
    ...(event === 'message_read' && { seen: 1, seen_by: facts.state.seenBy ?? {} }),
  };
}

/** Events of which only the name is documented. */
const UNDOCUMENTED = new Set<MessageEvent>(['message_delivered', 'message_edited', 'message_deleted']);

/** As in the documentation's sample: one attachment, with booleans and numbers as text. */
const asObject = (attachment: object = {}): object =>
  JSON.parse(JSON.stringify(attachment, (_name, value) => (typeof value === 'object' ? value : String(value))));

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

/** Any body, to the account's webhooks of that source, whatever events they registered for. Returns how many. */
export function sendRaw(state: State, account: Account, source: string, body: string): number {
  const hooks = listening(state, account, source);
  for (const hook of hooks) post(state, hook, account, body, 'raw');
  return hooks.length;
}

function deliver(state: State, hook: Webhook, account: Account, payload: object, label: string): void {
  post(state, hook, account, hook.format === 'form' ? asForm(payload) : JSON.stringify(payload), label);
}

function post(state: State, hook: Webhook, account: Account, body: string, label: string): void {
  const variants = state.variants.values;
  const any2xx = variants.webhook_success === '2xx';
  // The real service sends JSON under a form's content type, unless the webhook's own headers differ.
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const { key, value } of hook.headers) headers[key.toLowerCase()] = value;
  const delivery: Delivery = {
    provider: 'unipile',
    url: hook.requestUrl,
    headers,
    body,
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
