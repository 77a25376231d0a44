import type { Express } from 'express';
import { picture } from '../world/media.ts';
import { attachmentsOf, type Attachment } from './attachments.ts';
import { findMessage } from './ids.ts';
import type { State } from './state.ts';

/** An address that expires; null unless `media_url_seconds` says how long one lasts. */
function expiringUrl(state: State, path: string): { url: string; expiresAt: number } | null {
  const { media_url_seconds: seconds } = state.variants.values;
  if (seconds === null) return null;
  const expiresAt = state.shared.clock.now() + seconds * 1000;
  return { url: `${state.origin}/media/${path}?expires=${expiresAt}`, expiresAt };
}

/** By default the address is a reference that only the attachment's route serves. */
export function attachmentView(state: State, messageId: string, { id, view }: Attachment): object {
  const address = expiringUrl(state, `attachments/${messageId}/${id}`);
  return address ? { ...view, url: address.url, url_expires_at: address.expiresAt } : { ...view, url: `att://${id}` };
}

/** By default under .invalid, which never resolves: the picture's route has the bytes. */
export function pictureUrl(state: State, attendeeId: string, seed: number): string {
  const address = expiringUrl(state, `pictures/${seed}`);
  return address?.url ?? `https://media.sandbox.invalid/${attendeeId}/${seed}.png`;
}

/** Beside the API and without key, as addresses of the channel's own servers are. */
export function serveMedia(app: Express, state: State): void {
  app.use('/media', (req, res, next) => {
    if (Number(req.query['expires']) > state.shared.clock.now()) return next();
    res.status(410).type('text').send('This address has expired.');
  });
  app.get('/media/pictures/:seed', (req, res) => void res.type('png').send(picture(Number(req.params.seed))));
  app.get('/media/attachments/:message/:attachment', (req, res) => {
    const { account, ref } = findMessage(state, req.params.message);
    const found = attachmentsOf(account, ref).find((one) => one.id === req.params.attachment);
    if (!found?.bytes) return void res.status(404).end();
    res.setHeader('content-type', found.mimetype);
    res.send(found.bytes());
  });
}
