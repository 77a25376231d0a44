import { mediaUrl, sha256 } from '../files.ts';
import type { State } from '../state.ts';
import type { Attachment, Contact, Message, PhoneNumber, Thread } from '../types.ts';
import type { Item } from './emit.ts';

const seconds = (ms: number): string => String(Math.floor(ms / 1000));

/** Where a number belongs; a person with a user name may hide it. */
function phoneOf(state: State, contact: Contact): string | undefined {
  const { whatsapp_phones: shown } = state.variants.values;
  if (contact.phone !== null && shown === 'shown') return contact.phone;
  return shown === 'empty' ? '' : undefined;
}

const withPhone = (name: string, phone: string | undefined): object => (phone === undefined ? {} : { [name]: phone });

function contactsOf(state: State, contact: Contact): object[] {
  const profile = { name: contact.name, ...(contact.username !== null && { username: contact.username }) };
  return [{ profile, ...withPhone('wa_id', phoneOf(state, contact)), user_id: contact.key }];
}

function item(number: PhoneNumber, time: number, value: object, field = 'messages'): Item {
  const metadata = { display_phone_number: number.phone, phone_number_id: number.id };
  return { field, time, value: { messaging_product: 'whatsapp', metadata, ...value } };
}

/** A new message of the contact. */
export function incomingItem(state: State, number: PhoneNumber, thread: Thread, message: Message): Item {
  const { contact } = thread;
  return item(number, message.ts, {
    contacts: contactsOf(state, contact),
    messages: [
      {
        ...senderOf(state, contact),
        ...stamp(message),
        ...context(state, number, message),
        ...contentOf(state, message),
      },
    ],
  });
}

const senderOf = (state: State, contact: Contact): object => ({
  ...withPhone('from', phoneOf(state, contact)),
  from_user_id: contact.key,
});

const stamp = ({ id, ts }: Message): object => ({ id, timestamp: seconds(ts) });

function context(state: State, number: PhoneNumber, message: Message): object {
  const quoted = message.replyTo === null ? undefined : state.world.messages.get(message.replyTo);
  if (!quoted) return {};
  const from =
    quoted.message.from === 'account' ? number.phone : (quoted.thread.contact.phone ?? quoted.thread.contact.key);
  return { context: { from, id: quoted.message.id } };
}

function contentOf(state: State, message: Message): object {
  const [file] = message.attachments;
  if (!file) return { type: 'text', text: { body: message.text ?? '' } };
  const type = file.kind === 'file' ? 'document' : file.kind;
  return { type, [type]: mediaOf(state, file, message.text) };
}

function mediaOf(state: State, file: Attachment, caption: string | null): object {
  const media = state.world.media.get(file.id);
  const url = media && state.variants.values.webhook_url_in_media ? mediaUrl(state, media) : undefined;
  const hasCaption = caption !== null && caption !== '' && file.kind !== 'audio' && file.kind !== 'sticker';
  return {
    ...(hasCaption && { caption }),
    ...(file.kind === 'file' && { filename: file.fileName }),
    mime_type: file.mimetype,
    sha256: sha256(file.bytes),
    id: file.id,
    ...(url !== undefined && { url }),
    ...(file.kind === 'audio' && { voice: true }),
    ...(file.kind === 'sticker' && { animated: false }),
  };
}

/** An empty `emoji`: it is taken back. `id` is the reaction's own. */
export function incomingReactionItem(
  state: State,
  number: PhoneNumber,
  thread: Thread,
  message: Message,
  { emoji, id }: { emoji: string; id: string },
): Item {
  const time = state.shared.clock.now();
  return item(number, time, {
    contacts: contactsOf(state, thread.contact),
    messages: [
      {
        ...senderOf(state, thread.contact),
        id,
        timestamp: seconds(time),
        type: 'reaction',
        reaction: { message_id: message.id, ...(emoji !== '' && { emoji }) },
      },
    ],
  });
}

/** Of a contact's message at a number with coexistence: `edit` or `revoke`. */
export function changeItem(
  state: State,
  number: PhoneNumber,
  thread: Thread,
  message: Message,
  { id, isDeleted }: { id: string; isDeleted: boolean },
): Item {
  const time = state.shared.clock.now();
  const original_message_id = message.id;
  const change = isDeleted
    ? { type: 'revoke', revoke: { original_message_id } }
    : { type: 'edit', edit: { original_message_id, message: contentOf(state, message) } };
  const common = { id, timestamp: seconds(time), ...change };
  if (message.from === 'account') {
    return item(
      number,
      time,
      { message_echoes: [{ ...echoSides(number, thread.contact), ...common }] },
      'smb_message_echoes',
    );
  }
  return item(number, time, {
    contacts: contactsOf(state, thread.contact),
    messages: [{ ...senderOf(state, thread.contact), ...common }],
  });
}

const echoSides = (number: PhoneNumber, contact: Contact): object => ({
  from: number.phone,
  ...(contact.phone !== null && { to: contact.phone }),
  to_user_id: contact.key,
});

/** Written at the phone of a number with coexistence. */
export function phoneEchoItem(state: State, number: PhoneNumber, thread: Thread, message: Message): Item {
  const echo = { ...echoSides(number, thread.contact), ...stamp(message), ...contentOf(state, message) };
  return item(number, message.ts, { message_echoes: [echo] }, 'smb_message_echoes');
}

export interface StatusError {
  code: number;
  title: string;
  details: string;
}

/** A status of a message that the number sent; `error` with `failed`. */
export function statusItem(
  state: State,
  number: PhoneNumber,
  thread: Thread,
  message: Message,
  status: string,
  error?: StatusError,
): Item {
  const time = state.shared.clock.now();
  const { contact } = thread;
  const pricing = {
    billable: isTemplate(message),
    pricing_model: 'PMP',
    type: isTemplate(message) ? 'regular' : 'free_customer_service',
    category: isTemplate(message) ? 'utility' : 'service',
  };
  const shown = {
    id: message.id,
    status,
    timestamp: seconds(time),
    ...withPhone('recipient_id', phoneOf(state, contact)),
    recipient_user_id: contact.key,
    ...((status === 'sent' || status === 'delivered') && { pricing }),
    ...(message.callbackData !== null && { biz_opaque_callback_data: message.callbackData }),
    ...(error && {
      errors: [
        {
          code: error.code,
          title: error.title,
          message: error.title,
          error_data: { details: error.details },
          href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
        },
      ],
    }),
  };
  const contacts = status === 'failed' ? {} : { contacts: contactsOf(state, contact) };
  return item(number, time, { ...contacts, statuses: [shown] });
}

const isTemplate = ({ content }: Message): boolean => content?.type === 'template';

/** Of the business account: no number is named. */
export function accountItem(state: State, number: PhoneNumber, event: string, more: object = {}): Item {
  const value = { event, waba_info: { waba_id: number.wabaId }, ...more };
  return { field: 'account_update', time: state.shared.clock.now(), value };
}
