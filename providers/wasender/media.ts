import { ProviderFailure } from '../../domain/failures.ts';
import type { MediaSource } from '../../domain/seen-messages.ts';
import type { MediaFile } from '../contract/media.ts';
import type { Media, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { webAddressIn } from '../shared/told-values.ts';
import { refused } from '../shared/outgoing.ts';
import { contacts } from './contacts.ts';
import { askSession, dataOf, requestFile } from './client.ts';
import { asObject, field, text } from './fields.ts';
import { segment } from './ids.ts';

/** An address that has just been told may be over before it is called. */
const mostTries = 2;

/** POST /decrypt-media, whose address lives for an hour; it is asked for each time. */
async function attachment(call: ProviderCall, source: MediaSource): Promise<MediaFile | 'unavailable'> {
  if (!asObject(source['message'])) throw refused('This names no file of a message.');
  const body = { data: { messages: source } };
  for (let tries = 0; tries < mostTries; tries += 1) {
    const answer = await orNullIfRefused(askSession(call, 'POST', '/decrypt-media', { body }));
    if (!answer) return 'unavailable';
    const url = webAddressIn(field(asObject(dataOf(answer)), 'publicUrl') ?? field(answer, 'publicUrl'));
    if (url === null) throw new ProviderFailure('provider_unavailable', 'WASender told no address of a file.');
    const file = await requestFile(call, url);
    if (file) return file;
  }
  return 'unavailable';
}

/** WASender refuses what it cannot decrypt any more. */
async function orNullIfRefused<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const isGone = error instanceof ProviderFailure && ['not_found', 'request_refused'].includes(error.code);
    if (isGone) return null;
    throw error;
  }
}

/** GET /contacts/{phone}/picture or GET /groups/{jid}/picture, and the file at the address, which expires. */
async function picture(call: ProviderCall, source: MediaSource): Promise<MediaFile | null> {
  const [person, group] = [text(source, 'person'), text(source, 'group')];
  const url = person === null ? await groupPicture(call, group) : await contacts.picture(call, person);
  return url === null ? null : requestFile(call, url);
}

async function groupPicture(call: ProviderCall, group: string | null): Promise<string | null> {
  if (group === null) throw refused('This names no picture of WASender.');
  const answer = await orNullIfUnknown(askSession(call, 'GET', `/groups/${segment(group)}/picture`).then(dataOf));
  return webAddressIn(field(asObject(answer), 'imgUrl'));
}

export const media = { attachment, picture } satisfies Media;
