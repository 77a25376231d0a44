import { createHash } from 'node:crypto';
import type { Express } from 'express';
import { picture } from '../world/media.ts';
import { hashText } from '../world/random.ts';
import type { State } from './state.ts';
import { tokenOf } from './tokens.ts';
import type { StoredMedia } from './types.ts';

/** A public address at the sandbox, as those of Meta's content network: `profile` pictures, and `attachment`s by id. */
export const sharedFileUrl = (state: State, kind: 'profile' | 'attachment', id: string): string =>
  `${state.origin}/files/${kind}/${id}`;

/** Kept for so many days: 30 when we uploaded it, 7 when a message brought it. */
export function keepMedia(
  state: State,
  id: string,
  file: { bytes: Buffer | null; mimetype: string },
  days: number,
): StoredMedia {
  const media = { id, bytes: file.bytes, mimetype: file.mimetype, until: state.shared.clock.now() + days * 86_400_000 };
  state.world.media.set(id, media);
  return media;
}

/** An address that counts for five minutes, and wants the token too. */
export function mediaUrl(state: State, media: StoredMedia): string {
  const until = Math.floor(state.shared.clock.now() / 1000 + state.variants.values.media_url_seconds);
  return `${state.origin}/whatsapp-media/${media.id}?ext=${until}`;
}

export const sha256 = (bytes: Buffer | null): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');

/** Beside the API. */
export function serveFiles(app: Express, state: State): void {
  app.get('/files/profile/:id', (req, res) => {
    res.type('png').send(picture(hashText(req.params.id)));
  });
  app.get('/files/attachment/:id', (req, res) => {
    const media = state.world.media.get(req.params.id);
    if (!media?.bytes || media.until <= state.shared.clock.now()) return void res.status(404).end();
    res.type(media.mimetype).send(media.bytes);
  });
  app.get('/whatsapp-media/:id', (req, res) => {
    state.shared.calls.count('meta', 'GET', '/whatsapp-media/:id');
    const bearer = /^Bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
    if (bearer === undefined || tokenOf(state, bearer).kind !== 'system_user') return void res.status(401).end();
    const media = state.world.media.get(req.params.id);
    const until = Number(req.query['ext'] ?? 0) * 1000;
    if (!media?.bytes || !(state.shared.clock.now() < until)) return void res.status(404).end();
    res.type(media.mimetype).send(media.bytes);
  });
}
