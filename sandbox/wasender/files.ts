import type { Express, Response } from 'express';
import type { State } from './state.ts';
import { picture } from '../world/media.ts';

/** Where a picture can be fetched, without key. The address stays the same unless pictures are told to expire. */
export function pictureUrl(state: State, seed: number): string {
  const seconds = state.variants.values.picture_url_seconds;
  const until = seconds === null ? '' : `?oe=${Math.floor(state.shared.clock.now() / 1000 + seconds)}`;
  return `${state.origin}/pictures/${seed}.png${until}`;
}

const UPLOAD_SECONDS = 86_400;
const DECRYPTED_SECONDS = 3600;

/** Keeps bytes under a public address, for the time that the kind has. */
export function publish(state: State, kind: 'upload' | 'decrypted', file: { bytes: Buffer; mimetype: string }): string {
  const name = crypto.randomUUID();
  const seconds = kind === 'upload' ? UPLOAD_SECONDS : DECRYPTED_SECONDS;
  state.uploads.set(name, { ...file, until: state.shared.clock.now() + seconds * 1000 });
  return `${state.origin}/media/${name}`;
}

/** The servers beside the API that hold pictures and media. */
export function mountFiles(app: Express, state: State): void {
  const gone = (res: Response): void => void res.status(410).type('text').send('This address has expired.');
  app.get('/pictures/:file', (req, res) => {
    const seed = /^(\d{1,10})\.png$/.exec(req.params.file)?.[1];
    const until = Number(req.query['oe'] ?? Infinity);
    if (seed === undefined) return void res.status(404).end();
    if (!(state.shared.clock.now() < until * 1000)) return gone(res);
    res.type('png').send(picture(Number(seed)));
  });
  app.get('/media/:name', (req, res) => {
    const file = state.uploads.get(req.params.name);
    if (!file) return void res.status(404).end();
    if (file.until <= state.shared.clock.now()) return gone(res);
    res.type(file.mimetype).send(file.bytes);
  });
}
