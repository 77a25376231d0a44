import { newId } from '../../platform/ids.ts';

const text = 'The parcel arrives on Thursday between nine and eleven. '.repeat(9).trim();

/** A webhook as UniPile sends it, of about 1.1 KB: a new message to one of the accounts that `addCrowd` adds. */
export function newBody(accounts: number): { id: string; body: string } {
  const n = 1 + Math.floor(Math.random() * accounts);
  const id = newId();
  const body = JSON.stringify({
    event: 'message_received',
    account_id: `crowd-${n}`,
    account_type: 'WHATSAPP',
    account_info: { user_id: `1555${n}@s.whatsapp.net`, type: 'WHATSAPP', feature: 'classic' },
    chat_id: `chat-${n}`,
    provider_chat_id: `1666${n}@s.whatsapp.net`,
    message_id: id,
    provider_message_id: `3EB0${id}`,
    message: text,
    timestamp: new Date().toISOString(),
    is_sender: false,
    sender: {
      attendee_id: `person-${n}`,
      attendee_name: `Person ${n}`,
      attendee_provider_id: `1666${n}@s.whatsapp.net`,
    },
    attendees: [],
    attachments: [],
    reply_to: null,
  });
  return { id, body };
}
