import { asList, asObject, type JsonObject } from '../json-object.ts';
import type { MessageRef, OutgoingAttachment, OutgoingMessage, ProviderCall, SentMessage } from '../provider.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { withoutEffect } from '../shared/errors.ts';
import { eachOnce, idIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { nodeOf, segment } from './ids.ts';
import { whatsappRecipient } from './recipients.ts';
import { whatsappPerson } from './seen-people.ts';
import { findTemplate, templateFields } from './templates.ts';
import { withKeys } from './whatsapp-keys.ts';

const product = { messaging_product: 'whatsapp' } as const;

/** POST /{number}/messages, after POST /{number}/media where there is a file. The answer means accepted, not delivered. */
export async function sendWhatsapp(given: ProviderCall, message: OutgoingMessage): Promise<SentMessage> {
  const call = withKeys(given);
  const { to, replyTo, reference } = message;
  const recipient = whatsappRecipient(to);
  const content = await contentOf(call, message);
  const quoted = replyTo?.keys[0];
  const body = {
    ...product,
    ...recipient,
    ...content,
    ...(quoted !== undefined && { context: { message_id: quoted } }),
    ...(reference !== undefined && { biz_opaque_callback_data: reference }),
  };
  return sentBy(await post(call, body));
}

const post = (call: ProviderCall, body: JsonObject): Promise<JsonObject> =>
  graph(call, 'POST', `/${segment(nodeOf(call))}/messages`, { body });

/** The number that is asked for and WhatsApp's own of the person may differ; both name one person. */
function sentBy(answer: JsonObject): SentMessage {
  const contact = asObject(asList(answer['contacts'])[0]);
  const person = whatsappPerson([idIn(contact?.['user_id']), idIn(contact?.['wa_id'])], false);
  const id = idIn(asObject(asList(answer['messages'])[0])?.['id']);
  return { keys: eachOnce([id]), conversationKeys: person?.keys ?? [] };
}

async function contentOf(call: ProviderCall, message: OutgoingMessage): Promise<JsonObject> {
  const { text = '', attachments = [], template, quickReplies = [] } = message;
  const [attachment] = attachments;
  if (template) {
    const file = attachment ? await headerFile(call, attachment) : null;
    const found = template.buttons.length ? await findTemplate(call, template.name, template.language) : null;
    return { type: 'template', template: templateFields(template, file, found) };
  }
  if (attachment) {
    const file = await fileOf(call, attachment, text);
    return { type: attachment.kind, [attachment.kind]: file };
  }
  if (!quickReplies.length) return { type: 'text', text: { body: text, preview_url: true } };
  const buttons = quickReplies.map(({ title, payload }) => ({ type: 'reply', reply: { id: payload ?? title, title } }));
  return { type: 'interactive', interactive: { type: 'button', body: { text }, action: { buttons } } };
}

async function fileOf(call: ProviderCall, one: OutgoingAttachment, caption: string): Promise<JsonObject> {
  const takesCaption = one.kind !== 'audio' && one.kind !== 'sticker';
  return {
    id: await upload(call, one),
    ...(caption && takesCaption && { caption }),
    ...(one.kind === 'document' && one.fileName && { filename: one.fileName }),
    ...(one.kind === 'audio' && one.voice && { voice: true }),
  };
}

async function headerFile(call: ProviderCall, one: OutgoingAttachment): Promise<JsonObject> {
  return { type: one.kind, [one.kind]: await fileOf(call, one, '') };
}

/** POST /{number}/media; the id is valid for 30 days. Nothing has been sent when it fails. */
async function upload(call: ProviderCall, { bytes, fileName, kind }: OutgoingAttachment): Promise<string> {
  const form = new FormData();
  form.append('messaging_product', 'whatsapp');
  form.append('type', bytes.type || 'application/octet-stream');
  form.append('file', bytes, fileName ?? kind);
  const answer = await withoutEffect(graph(call, 'POST', `/${segment(nodeOf(call))}/media`, { body: form }));
  const id = idIn(answer['id']);
  if (id !== null) return id;
  throw new ProviderFailure('provider_unavailable', 'Meta took a file and told no id of it.');
}

/** An empty sign takes the reaction back. */
export async function reactOnWhatsapp(given: ProviderCall, message: MessageRef, emoji: string | null): Promise<void> {
  const to = whatsappRecipient({ kind: 'conversation', keys: message.conversationKeys });
  const reaction = { message_id: message.keys[0] ?? '', emoji: emoji ?? '' };
  await post(withKeys(given), { ...product, ...to, type: 'reaction', reaction });
}

/** Marks a message and those before it as read; `typing`: and shows for 25 seconds that the account is writing. */
export async function readOnWhatsapp(given: ProviderCall, { keys }: MessageRef, typing: boolean): Promise<void> {
  const read = { ...product, status: 'read', message_id: keys[0] ?? '' };
  await post(withKeys(given), { ...read, ...(typing && { typing_indicator: { type: 'text' } }) });
}
