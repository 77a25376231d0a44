import { ProviderFailure } from '../../domain/failures.ts';
import type { AttachmentKind } from '../../domain/message-capabilities.ts';
import type { JsonObject } from '../json-object.ts';
import type {
  MessageRef,
  OutgoingAttachment,
  OutgoingMessage,
  ProviderCall,
  Recipient,
  SentMessage,
} from '../provider.ts';
import { withoutEffect } from '../shared/errors.ts';
import { eachOnce, idIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { nodeOf, segment } from './ids.ts';
import { personId } from './recipients.ts';

/** POST /{Page or account}/messages of Messenger and Instagram, after an upload for each file. */
export async function sendOnPages(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  const { to, replyTo, tag } = message;
  const person = await personId(call, to);
  const content = await contentOf(call, message);
  const quoted = replyTo?.keys[0];
  const answer = await post(call, person, {
    messaging_type: tag === undefined ? 'RESPONSE' : 'MESSAGE_TAG',
    ...(tag !== undefined && { tag }),
    message: content,
    ...(quoted !== undefined && { reply_to: { mid: quoted } }),
  });
  return {
    keys: eachOnce([idIn(answer['message_id'])]),
    conversationKeys: eachOnce([person, idIn(answer['recipient_id'])]),
  };
}

const post = (call: ProviderCall, person: string, body: JsonObject): Promise<JsonObject> =>
  graph(call, 'POST', `/${segment(nodeOf(call))}/messages`, { body: { recipient: { id: person }, ...body } });

async function contentOf(
  call: ProviderCall,
  { text, attachments = [], quickReplies = [], reference }: OutgoingMessage,
): Promise<JsonObject> {
  const files: JsonObject[] = [];
  for (const one of attachments)
    files.push({ type: typeOf[one.kind], payload: { attachment_id: await upload(call, one) } });
  const [first, ...more] = files;
  return {
    ...(text && { text }),
    ...(first && (more.length ? { attachments: files } : { attachment: first })),
    ...(quickReplies.length && {
      quick_replies: quickReplies.map(({ title, payload }) => ({
        content_type: 'text',
        title,
        payload: payload ?? title,
      })),
    }),
    // Echoes of Messenger alone bring it back.
    ...(reference !== undefined && call.channel === 'messenger' && { metadata: reference }),
  };
}

const typeOf: Readonly<Record<AttachmentKind, string>> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  document: 'file',
  sticker: 'image',
};

/** POST /{Page or account}/message_attachments. Nothing has been sent when it fails. */
async function upload(call: ProviderCall, { kind, bytes, fileName }: OutgoingAttachment): Promise<string> {
  const form = new FormData();
  form.append('platform', call.channel);
  form.append('message', JSON.stringify({ attachment: { type: typeOf[kind], payload: { is_reusable: false } } }));
  form.append('filedata', bytes, fileName ?? kind);
  const path = `/${segment(nodeOf(call))}/message_attachments`;
  const id = idIn((await withoutEffect(graph(call, 'POST', path, { body: form })))['attachment_id']);
  if (id !== null) return id;
  throw new ProviderFailure('provider_unavailable', 'Meta took a file and told no id of it.');
}

/** Names of reactions; other signs are sent as they are. */
const reactionOf = new Map([
  ['❤️', 'love'],
  ['❤', 'love'],
  ['👍', 'like'],
  ['👎', 'dislike'],
  ['😆', 'smile'],
  ['😮', 'wow'],
  ['😢', 'sad'],
  ['😠', 'angry'],
]);

export async function reactOnPages(call: ProviderCall, message: MessageRef, emoji: string | null): Promise<void> {
  const person = await personId(call, { kind: 'conversation', keys: message.conversationKeys });
  const named = { message_id: message.keys[0] ?? '' };
  const action = emoji === null ? 'unreact' : 'react';
  const payload = emoji === null ? named : { ...named, reaction: reactionOf.get(emoji) ?? emoji };
  await post(call, person, { sender_action: action, payload });
}

/** What a conversation shows of the account: that it has read the newest message, that it is writing, or no longer. */
export async function actOnPages(
  call: ProviderCall,
  to: Recipient,
  action: 'mark_seen' | 'typing_on' | 'typing_off',
): Promise<void> {
  await post(call, await personId(call, to), { sender_action: action });
}
