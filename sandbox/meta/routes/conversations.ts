import { canSee, inboxOf, requireOwnToken } from '../access.ts';
import { threadsOf } from '../chats.ts';
import { invalidParameter, noObject } from '../errors.ts';
import { defaultFields, parseFields, selectFields } from '../graph/fields.ts';
import { graphRoute, requireScope, tokenIn, type Call, type Route } from '../graph/call.ts';
import { pageOf } from '../graph/paging.ts';
import { messageInList, threadNode } from '../message-views.ts';
import { readAttachments } from '../send-files.ts';
import { sendMessage } from '../send.ts';
import { sendWhatsapp } from '../whatsapp/send.ts';
import { findAsset, type State } from '../state.ts';
import type { InstagramAccount, Page } from '../types.ts';

/** Conversations of Pages and Instagram accounts, and sending on every channel. */
export const conversationRoutes = (state: State): Route[] => [
  graphRoute('GET /:node/conversations', (call) => {
    const asset = conversationInbox(state, call);
    const person = call.params.text('user_id');
    const items = threadsOf(asset).filter(
      ({ contact, messages }) => messages.length > 0 && (person === undefined || contact.key === person),
    );
    const fields = fieldsIn(call, ['id', 'updated_time']);
    const { value } = tokenIn(call);
    return pageOf(state, call, {
      items,
      idOf: ({ id }) => id,
      view: (thread) => {
        const { view, type } = threadNode(state, { asset, thread }, value);
        return selectFields(view, fields, type);
      },
    });
  }),
  graphRoute('GET /:node/messages', (call) => {
    const ref = state.world.threads.get(call.node);
    if (!ref || ref.asset.channel === 'whatsapp' || !canSee(tokenIn(call), ref.asset))
      throw noObject(call.method, call.node);
    const fields = fieldsIn(call, ['id', 'created_time']);
    return pageOf(state, call, {
      items: ref.thread.messages.toReversed(),
      idOf: ({ id }) => id,
      view: (message) => messageInList(state, ref, message, fields),
    });
  }),
  graphRoute('POST /:node/messages', (call) => {
    const isNumber = findAsset(state, call.node)?.channel === 'whatsapp';
    return isNumber ? sendWhatsapp(state, call) : sendMessage(state, call);
  }),
  graphRoute('POST /:node/message_attachments', async (call) => {
    const asset = inboxOf(state, call);
    requireOwnToken(call, asset);
    const message = call.params.object('message');
    const [file] = message ? await readAttachments(state, asset, message, call.params) : [];
    if (!file) throw invalidParameter('The parameter message is required.');
    state.world.media.set(file.id, { ...file, until: Infinity });
    return { attachment_id: file.id };
  }),
];

function fieldsIn({ params }: Call, usual: readonly string[]): ReturnType<typeof parseFields> {
  const text = params.text('fields');
  return text === undefined ? defaultFields(...usual) : parseFields(text);
}

/** A Page's path lists its own conversations, or by `platform` those of its Instagram account. Throws 100, 200, 210. */
function conversationInbox(state: State, call: Call): Page | InstagramAccount {
  const node = inboxOf(state, call);
  requireOwnToken(call, node);
  const platform = (call.params.text('platform') ?? node.channel).toLowerCase();
  if (platform !== 'messenger' && platform !== 'instagram')
    throw invalidParameter('Param platform must be one of {INSTAGRAM, MESSENGER}');
  const token = tokenIn(call);
  if (platform === 'messenger') {
    if (node.channel !== 'messenger') throw invalidParameter('Param platform must be INSTAGRAM');
    requireScope(token, 'pages_messaging');
    return node;
  }
  requireScope(token, 'instagram_manage_messages', 'instagram_business_manage_messages');
  if (node.channel === 'instagram') return node;
  const linked = state.world.instagrams.get(node.instagramId ?? '');
  if (!linked) throw invalidParameter('The Page is not linked to an Instagram account');
  return linked;
}
