import { inboxOf, requireOwnToken } from './access.ts';
import { addMessage, isWindowOpen } from './chats.ts';
import { invalidParameter, MetaError } from './errors.ts';
import { requireScope, tokenIn, type Call } from './graph/call.ts';
import { asText, isObject, type Params } from './graph/params.ts';
import { readAttachments } from './send-files.ts';
import type { State } from './state.ts';
import type { InstagramAccount, Page, Thread } from './types.ts';
import { emit } from './webhooks/emit.ts';
import { messageItem } from './webhooks/items.ts';

type Inbox = Page | InstagramAccount;

const RULES = {
  messenger: { longest: 2000, notFound: 2018001, closed: 2018278, scope: ['pages_messaging'] },
  instagram: {
    longest: 1000,
    notFound: 2534014,
    closed: 2534022,
    scope: ['instagram_manage_messages', 'instagram_business_manage_messages'],
  },
} as const;

const ENDED_TAGS = new Set(['CONFIRMED_EVENT_UPDATE', 'ACCOUNT_UPDATE', 'POST_PURCHASE_UPDATE']);
const SEVEN_DAYS_MS = 7 * 86_400_000;

/** `POST /{page-id or ig-id}/messages`. On a Page's path the recipient's id tells the channel. */
export async function sendMessage(state: State, call: Call): Promise<object> {
  const { params } = call;
  const node = inboxOf(state, call);
  requireOwnToken(call, node);
  const recipient = params.object('recipient');
  if (!recipient) throw invalidParameter('The parameter recipient is required.');
  const { asset, thread } = findRecipient(state, node, asText(recipient['id']), params.text('platform'));
  const rules = RULES[asset.channel];
  requireScope(tokenIn(call), ...rules.scope);
  const action = params.text('sender_action');
  if (action !== undefined) return act(state, call, asset, thread, action);
  requireWindow(state, asset, thread, params);

  const message = params.object('message');
  if (!message) throw invalidParameter('The parameter message is required.');
  const text = textOf(message, rules.longest);
  const files = await readAttachments(state, asset, message, params);
  if (text === null && files.length === 0)
    throw invalidParameter('Message cannot be empty, must provide valid attachment or text', 2018034);
  if (text !== null && files.length > 0)
    throw invalidParameter('Only one of the text or attachment fields can be specified', 2018020);
  const sent = addMessage(state, asset, thread, {
    from: 'account',
    text,
    attachments: files,
    appId: tokenIn(call).appId,
    metadata: typeof message['metadata'] === 'string' ? message['metadata'] : null,
    replyTo: replyOf(state, params, message),
  });
  thread.isLive = true;
  emit(state, asset, [messageItem(state, asset, thread, sent)]);
  return { recipient_id: thread.contact.key, message_id: sent.id };
}

/** Only people who wrote can be written to. Throws 100 with the channel's subcode. */
function findRecipient(
  state: State,
  node: Inbox,
  id: string,
  platform: string | undefined,
): { asset: Inbox; thread: Thread } {
  const linked =
    node.channel === 'messenger' && node.instagramId !== null
      ? state.world.instagrams.get(node.instagramId)
      : undefined;
  const candidates = platform?.toLowerCase() === 'instagram' && linked ? [linked] : [node, linked];
  for (const asset of candidates) {
    const thread = asset?.threads.get(id);
    if (asset && thread) return { asset, thread };
  }
  throw invalidParameter('No matching user found', RULES[node.channel].notFound);
}

/** Throws 10 with the channel's subcode, and 100 for a tag that no longer is. */
function requireWindow(state: State, asset: Inbox, thread: Thread, params: Params): void {
  const tag = params.text('tag');
  if (tag !== undefined && ENDED_TAGS.has(tag)) throw invalidParameter(`The message tag ${tag} is no longer supported`);
  if (tag !== undefined && tag !== 'HUMAN_AGENT') throw invalidParameter(`Invalid tag ${tag}`);
  if (isWindowOpen(state, thread)) return;
  const age = state.shared.clock.now() - (thread.lastIncomingAt ?? 0);
  if (tag === 'HUMAN_AGENT' && params.text('messaging_type') === 'MESSAGE_TAG' && age < SEVEN_DAYS_MS) return;
  throw new MetaError(10, '(#10) This message is sent outside of allowed window.', {
    subcode: RULES[asset.channel].closed,
  });
}

/** A button template's text counts, too. */
function textOf(message: Record<string, unknown>, longest: number): string | null {
  const text = message['text'];
  if (text === undefined || text === null || text === '') return templateText(message);
  if (typeof text !== 'string') throw invalidParameter('Param message[text] must be a string.');
  if (text.length > longest)
    throw invalidParameter(`Length of param message[text] must be less than or equal to ${longest}`);
  return text;
}

function templateText({ attachment }: Record<string, unknown>): string | null {
  if (!isObject(attachment) || attachment['type'] !== 'template') return null;
  const payload = isObject(attachment['payload']) ? attachment['payload'] : {};
  const [first] = Array.isArray(payload['elements']) ? payload['elements'].filter(isObject) : [];
  return asText(payload['text'] ?? first?.['title']) || '(template)';
}

function replyOf(state: State, params: Params, message: Record<string, unknown>): string | null {
  const reply = params.object('reply_to') ?? message['reply_to'];
  if (!isObject(reply)) return null;
  const mid = asText(reply['mid']);
  if (!state.world.messages.has(mid)) throw invalidParameter('The message to reply to does not exist');
  return mid;
}

/** Must come alone, with the recipient. */
function act(state: State, call: Call, asset: Inbox, thread: Thread, action: string): object {
  const { params } = call;
  const recipient_id = thread.contact.key;
  if (params.json('message') !== undefined) throw invalidParameter('sender_action cannot be sent with a message');
  if (action === 'typing_on' || action === 'typing_off') {
    requireWindow(state, asset, thread, params);
    return { recipient_id };
  }
  if (action === 'mark_seen') {
    thread.unread = 0;
    for (const one of thread.messages) if (one.from === 'contact') one.status = 'read';
    return { recipient_id };
  }
  if (action !== 'react' && action !== 'unreact') throw invalidParameter(`Invalid sender_action ${action}`);
  const payload = params.object('payload') ?? {};
  const target = thread.messages.find(({ id }) => id === payload['message_id']);
  if (!target) throw invalidParameter('The message to react to does not exist');
  if (action === 'unreact') target.reactions.delete('account');
  else target.reactions.set('account', asText(payload['reaction']) || 'love');
  return { recipient_id };
}
