import type { Express, Response } from 'express';
import { picture } from '../world/media.ts';
import type { State } from './state.ts';

/** With the variant `picture_url_seconds` the address expires and changes each time. */
export function pictureUrl(state: State, seed: number): string {
  const seconds = state.variants.values.picture_url_seconds;
  const until = seconds === null ? '' : `?oe=${Math.floor(state.shared.clock.now() / 1000 + seconds)}`;
  return `${state.origin}/pictures/${seed}.png${until}`;
}

const UPLOAD_SECONDS = 86_400;
const DECRYPTED_SECONDS = 3600;

/** For as long as its kind is kept. */
export function publish(state: State, kind: 'upload' | 'decrypted', file: { bytes: Buffer; mimetype: string }): string {
  const name = crypto.randomUUID();
  const seconds = kind === 'upload' ? UPLOAD_SECONDS : DECRYPTED_SECONDS;
  state.published.set(name, { ...file, until: state.shared.clock.now() + seconds * 1000 });
  return `${state.origin}/media/${name}`;
}

/** Beside the API and without key. */
export function mountFiles(app: Express, state: State): void {
  const expired = (res: Response): void => void res.status(410).type('text').send('This address has expired.');
  app.get('/pictures/:file', (req, res) => {
    const seed = /^(\d{1,10})\.png$/.exec(req.params.file)?.[1];
    const until = Number(req.query['oe'] ?? Infinity);
    if (seed === undefined) return void res.status(404).end();
    if (!(state.shared.clock.now() < until * 1000)) return expired(res);
    res.type('png').send(picture(Number(seed)));
  });
  app.get('/media/:name', (req, res) => {
    const file = state.published.get(req.params.name);
    if (!file) return void res.status(404).end();
    if (file.until <= state.shared.clock.now()) return expired(res);
    res.type(file.mimetype).send(file.bytes);
  });
}
