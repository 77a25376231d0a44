import type { MediaSource } from '../../domain/seen-messages.ts';
import type { MediaFile } from '../contract/media.ts';
import type { Media, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { idIn } from '../shared/told-values.ts';
import { refused } from '../shared/outgoing.ts';
import { requestFile } from './client.ts';
import { segment } from './ids.ts';

/** GET /messages/{id}/attachments/{attachment_id}: UniPile fetches the file itself, whatever address it has shown. */
async function attachment(call: ProviderCall, source: MediaSource): Promise<MediaFile | 'unavailable'> {
  const [message, id] = [idIn(source['message']), idIn(source['attachment'])];
  if (message === null || id === null) throw refused('This names no attachment of UniPile.');
  const path = `/messages/${segment(message)}/attachments/${segment(id)}`;
  return (await orNullIfUnknown(requestFile(call, path))) ?? 'unavailable';
}

/** GET /chat_attendees/{id}/picture, which takes a group's chat too. */
async function picture(call: ProviderCall, source: MediaSource): Promise<MediaFile | null> {
  const id = idIn(source['picture']);
  if (id === null) throw refused('This names no picture of UniPile.');
  return orNullIfUnknown(requestFile(call, `/chat_attendees/${segment(id)}/picture`));
}

export const media = { attachment, picture } satisfies Media;
