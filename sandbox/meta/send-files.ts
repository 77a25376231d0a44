import { invalidParameter } from './errors.ts';
import { fetchFile } from './fetch-file.ts';
import { asText, isObject, type Params } from './graph/params.ts';
import type { State } from './state.ts';
import type { Attachment, InstagramAccount, Page } from './types.ts';

const KINDS = new Set<string>(['image', 'video', 'audio', 'file']);
const MB = 1024 * 1024;
/** Instagram's; Messenger takes 25 MB of each. */
const LARGEST: Record<string, number> = { image: 8 * MB, video: 25 * MB, audio: 25 * MB, file: 25 * MB };

/** Of a message: by address, by the id of an upload, or sent along as `filedata`. Several images only on Instagram. */
export async function readAttachments(
  state: State,
  asset: Page | InstagramAccount,
  message: Record<string, unknown>,
  params: Params,
): Promise<Attachment[]> {
  if (message['sticker_id'] !== undefined)
    return [{ ...newFile(state), kind: 'sticker', mimetype: 'image/png', fileName: 'sticker.png', bytes: null }];
  const list = Array.isArray(message['attachments']) ? message['attachments'] : [message['attachment']];
  const asked = list.filter(isObject).filter(({ type }) => type !== 'template');
  if (asked.length > 1 && (asset.channel === 'messenger' || asked.some(({ type }) => type !== 'image'))) {
    throw invalidParameter('Only several images can be sent in one message');
  }
  const files: Attachment[] = [];
  for (const one of asked) files.push(await readOne(state, asset, one, params));
  return files;
}

async function readOne(
  state: State,
  asset: Page | InstagramAccount,
  attachment: Record<string, unknown>,
  params: Params,
): Promise<Attachment> {
  const kind = asText(attachment['type']);
  if (!KINDS.has(kind)) throw invalidParameter(`Invalid attachment type ${kind}`);
  const payload = isObject(attachment['payload']) ? attachment['payload'] : {};
  const uploaded = params.file('filedata');
  const file = { ...newFile(state), kind: kind as Attachment['kind'] };
  if (uploaded)
    return check(asset, { ...file, mimetype: uploaded.mimetype, fileName: uploaded.name, bytes: uploaded.bytes });
  if (payload['attachment_id'] !== undefined) {
    const media = state.world.media.get(asText(payload['attachment_id']));
    if (!media) throw invalidParameter('The attachment_id does not exist', 2018074);
    return { ...file, mimetype: media.mimetype, fileName: `${kind}.bin`, bytes: media.bytes };
  }
  if (typeof payload['url'] !== 'string') throw invalidParameter('The payload needs a url or an attachment_id');
  const fetched = await fetchFile(payload['url']);
  if (!fetched) throw invalidParameter('Failed to fetch the file from the url', 2018008);
  const fileName = decodeURIComponent(new URL(payload['url']).pathname.split('/').at(-1) || `${kind}.bin`);
  return check(asset, { ...file, ...fetched, fileName });
}

function check(asset: Page | InstagramAccount, file: Attachment): Attachment {
  const largest = asset.channel === 'instagram' ? (LARGEST[file.kind] ?? 0) : 25 * MB;
  if ((file.bytes?.length ?? 0) > largest)
    throw invalidParameter(`The file is larger than ${largest / MB} MB`, 2018047);
  return file;
}

const newFile = (state: State): { id: string } => ({ id: String(1_000_000_000_000_000 + state.world.nextId++) });
