import { sharedFileUrl } from './files.ts';
import { defaultFields, selectFields, type Field } from './graph/fields.ts';
import { nestedPage } from './graph/paging.ts';
import type { State, ThreadRef } from './state.ts';
import type { Asset, Attachment, Contact, Message } from './types.ts';
import type { Node, View } from './views.ts';

/** ISO with `+0000` and without milliseconds, as the Graph API writes times. */
const graphTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+0000`;

export function threadNode(state: State, ref: ThreadRef, tokenValue: string): Node {
  const { asset, thread } = ref;
  const { contact } = thread;
  const newest = thread.messages.toReversed();
  const messages = (field: Field): object =>
    nestedPage(
      state,
      field.args,
      {
        items: newest,
        idOf: ({ id }) => id,
        view: (message) => messageInList(state, ref, message, field.fields ?? defaultFields('id', 'created_time')),
      },
      `${state.origin}/v26.0/${thread.id}/messages?access_token=${tokenValue}`,
    );
  const participants = { data: [participantOf(asset, contact), ownParticipant(asset)] };
  const view: View = {
    id: thread.id,
    updated_time:
      state.variants.values.updated_time === 'unix' ? Math.floor(thread.updatedAt / 1000) : graphTime(thread.updatedAt),
    messages,
    participants,
    senders: participants,
    message_count: thread.messages.length,
    unread_count: thread.unread,
    snippet: newest[0]?.text ?? '',
    can_reply: true,
    is_subscribed: true,
    folder: 'inbox',
    link: `/${asset.id}/inbox/${thread.id}`,
    name: contact.name,
    scoped_thread_key: thread.id,
  };
  return {
    view,
    defaults: ['id', 'updated_time'],
    type: asset.channel === 'instagram' ? 'IGConversation' : 'UnifiedThread',
  };
}

/** Instagram tells user names, Messenger names and an address of its own. */
function participantOf(asset: Asset, contact: Contact): object {
  if (asset.channel === 'instagram') return { id: contact.key, username: contact.username };
  return { id: contact.key, name: contact.name, email: `${contact.key}@facebook.com` };
}

function ownParticipant(asset: Asset): object {
  if (asset.channel === 'instagram') return { id: asset.id, username: asset.username };
  return { id: asset.id, name: asset.name, email: `${asset.id}@facebook.com` };
}

/** Of the 20 newest messages the content, of all others the id and the time alone. */
export function messageInList(state: State, ref: ThreadRef, message: Message, fields: readonly Field[]): object {
  const shown = isReadable(state, ref, message) ? fields : fields.filter(({ name }) => LISTED.has(name));
  const { view, type } = messageNode(state, ref, message);
  return selectFields(view, shown, type);
}

const LISTED = new Set(['id', 'created_time']);

export function isReadable(state: State, { thread }: ThreadRef, message: Message): boolean {
  const newest = thread.messages.slice(-state.variants.values.readable_messages);
  return !message.deleted && newest.includes(message);
}

export function messageNode(state: State, { asset, thread }: ThreadRef, message: Message): Node {
  const { contact } = thread;
  const isOwn = message.from === 'account';
  const [from, to] = isOwn
    ? [ownParticipant(asset), participantOf(asset, contact)]
    : [participantOf(asset, contact), ownParticipant(asset)];
  const quoted = message.replyTo === null ? undefined : state.world.messages.get(message.replyTo)?.message;
  const files = message.attachments.filter(({ kind }) => kind !== 'sticker');
  const sticker = message.attachments.find(({ kind }) => kind === 'sticker');
  const reactions = [...message.reactions].map(([who, value]) => ({
    reaction: value,
    users: [who === 'account' ? ownParticipant(asset) : participantOf(asset, contact)],
  }));
  const view: View = {
    id: message.id,
    created_time: graphTime(message.ts),
    from,
    to: { data: [to] },
    message: message.text ?? '',
    reply_to: quoted && { mid: quoted.id, is_self_reply: (quoted.from === 'account') === isOwn },
    attachments: files.length > 0 ? { data: files.map((one) => attachmentView(state, one)) } : undefined,
    sticker: sticker && sharedFileUrl(state, 'attachment', sticker.id),
    shares: undefined,
    story: undefined,
    tags: { data: [{ name: 'inbox' }, { name: isOwn ? 'sent' : 'read' }] },
    reactions: reactions.length > 0 ? { data: reactions } : undefined,
    is_unsupported: false,
    thread_id: thread.id,
  };
  return { view, defaults: ['id', 'created_time'], type: asset.channel === 'instagram' ? 'IGMessage' : 'Message' };
}

function attachmentView(state: State, one: Attachment): object {
  const url = sharedFileUrl(state, 'attachment', one.id);
  const size = one.bytes?.length ?? 0;
  const common = { id: one.id, mime_type: one.mimetype, name: one.fileName, size };
  if (one.kind === 'image')
    return { ...common, image_data: { width: 40, height: 40, max_width: 40, max_height: 40, url, preview_url: url } };
  if (one.kind === 'video')
    return { ...common, video_data: { width: 320, height: 240, length: 1, url, preview_url: url } };
  return { ...common, file_url: url };
}
