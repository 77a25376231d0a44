import { ProviderFailure } from '../../domain/failures.ts';
import type { MediaSource } from '../../domain/seen-messages.ts';
import type { MediaFile } from '../contract/media.ts';
import type { Media, ProviderCall } from '../provider.ts';
import { createDownload } from '../shared/download.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { refused } from '../shared/outgoing.ts';
import { countIn, idIn, webAddressIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { profileOf } from './conversations.ts';
import { failureOf } from './errors.ts';
import { hostOf, nodeOf, segment } from './ids.ts';
import { isMetaMedia, mediaHosts } from './media-hosts.ts';
import { filesOf } from './seen-messages.ts';
import { serviceUrl } from './settings.ts';
import { withKeys } from './whatsapp-keys.ts';

/** WhatsApp's largest document. */
const download = createDownload('Meta', mediaHosts, 100 * 1024 * 1024);
/** Answers of an address that is over. */
const over = new Set([401, 403, 404, 410]);

/** A file of WhatsApp by its id; of Messenger and Instagram by its address, which the message tells anew once it is over. */
async function attachment(given: ProviderCall, source: MediaSource): Promise<MediaFile | 'unavailable'> {
  const call = withKeys(given);
  const media = idIn(source['media']);
  if (media !== null) return (await fileOfWhatsapp(call, media)) ?? 'unavailable';
  const [message, place, url] = [idIn(source['message']), countIn(source['place']), webAddressIn(source['url'])];
  if (message === null || place === null) throw refused('This names no file of a message.');
  const known = url === null ? null : await fetchFile(call, url, {});
  if (known) return known;
  const fresh = await addressOf(call, message, place);
  return (fresh === null || fresh === url ? null : await fetchFile(call, fresh, {})) ?? 'unavailable';
}

/** GET /{media}, and the file at the address that it tells: for five minutes, and with the token alone. */
async function fileOfWhatsapp(call: ProviderCall, media: string): Promise<MediaFile | null> {
  for (let tries = 0; tries < 2; tries += 1) {
    const query = { phone_number_id: nodeOf(call) };
    const told = await orNullIfGone(graph(call, 'GET', `/${segment(media)}`, { query }));
    if (!told) return null;
    const url = webAddressIn(told['url']);
    if (url === null) throw new ProviderFailure('provider_unavailable', 'Meta told no address of a file.');
    const file = await fetchFile(call, url, { authorization: `Bearer ${call.keys?.apiKey ?? ''}` });
    if (file) return file;
  }
  return null;
}

/** GET /{message}: of the 20 newest of a conversation alone. */
async function addressOf(call: ProviderCall, message: string, place: number): Promise<string | null> {
  const fields = call.channel === 'messenger' ? 'attachments,shares,sticker' : 'attachments,shares';
  const told = await orNullIfGone(graph(call, 'GET', `/${segment(message)}`, { query: { fields } }));
  return told && (filesOf(told, message)[place]?.url ?? null);
}

/** GET /{person}, and the picture at the address that it tells. WhatsApp shows none. */
async function picture(call: ProviderCall, source: MediaSource): Promise<MediaFile | null> {
  const person = idIn(source['person']);
  if (person === null) throw refused('This names no picture of Meta.');
  const url = (await profileOf(call, person))?.pictureUrl ?? null;
  return url === null ? null : fetchFile(call, url, {});
}

/** Null where the address is over. Keys go to Meta's own hosts alone. */
async function fetchFile(
  call: ProviderCall,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<MediaFile | null> {
  const base = new URL(serviceUrl(call.settings, hostOf(call)) ?? 'https://graph.facebook.com').origin;
  const takesKeys = Object.keys(headers).length > 0 && url.startsWith('https:') && isMetaMedia(url);
  await call.turn?.(call.signal);
  const { reach, signal } = call;
  const answer = await download({ url, headers, origin: takesKeys ? new URL(url).origin : base, reach, signal });
  if ('file' in answer) return answer.file;
  const { refusal } = answer;
  if (over.has(refusal.status)) return null;
  throw (
    failureOf(refusal, { lost: 'none', by: 'account', now: call.now }) ??
    new ProviderFailure('provider_unavailable', 'Meta answered no file.')
  );
}

/** What is deleted, too old or hidden by now is refused in one way. */
async function orNullIfGone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await orNullIfUnknown(answer);
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'request_refused') return null;
    throw error;
  }
}

export const media = { attachment, picture } satisfies Media;
