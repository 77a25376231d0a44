import { randomBytes } from 'node:crypto';
import type { Express, Response } from 'express';
import { picture } from '../world/media.ts';
import { WasenderError } from './errors.ts';
import type { State, StoredFile } from './state.ts';

/** With the variant `picture_url_seconds` the address expires and changes each time. */
export function pictureUrl(state: State, seed: number): string {
  const seconds = state.variants.values.picture_url_seconds;
  const until = seconds === null ? '' : `?oe=${Math.floor(state.shared.clock.now() / 1000 + seconds)}`;
  return `${state.origin}/pictures/${seed}.png${until}`;
}

/** A file at an address of `publish`; null for an address elsewhere. Throws 422 for one that has expired or never was. */
export function publishedAt(state: State, address: string): StoredFile | null {
  const { origin, pathname } = new URL(address);
  if (origin !== state.origin || !pathname.startsWith('/media/')) return null;
  const file = state.published.get(pathname.slice('/media/'.length));
  if (!file || file.until <= state.shared.clock.now()) throw new WasenderError(422, 'The media could not be fetched.');
  return file;
}

const MEDIA_SECONDS = 30 * 86_400;

/** Keeps a message's file, for `/decrypt-media`; returns its media key. */
export function keepMedia(state: State, file: { bytes: Buffer; mimetype: string }): string {
  const mediaKey = randomBytes(32).toString('base64');
  state.media.set(mediaKey, { ...file, until: state.shared.clock.now() + MEDIA_SECONDS * 1000 });
  return mediaKey;
}

const UPLOAD_SECONDS = 86_400;

/** For as long as its kind is kept. */
export function publish(state: State, kind: 'upload' | 'decrypted', file: { bytes: Buffer; mimetype: string }): string {
  const name = crypto.randomUUID();
  const seconds = kind === 'upload' ? UPLOAD_SECONDS : state.variants.values.decrypted_url_seconds;
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
    const { media_redirect: address, media_seconds: takes } = state.variants.values;
    res.type(file.mimetype);
    if (address !== null) res.redirect(address);
    else if (takes > 0) sendSlowly(res, file.bytes, takes);
    else res.send(file.bytes);
  });
}

const PARTS = 20;

/** In parts, and without telling how many bytes there are. */
function sendSlowly(res: Response, bytes: Buffer, seconds: number): void {
  const size = Math.ceil(bytes.length / PARTS);
  let sent = 0;
  const timer = setInterval(
    () => {
      res.write(bytes.subarray(sent, (sent += size)));
      if (sent < bytes.length) return;
      clearInterval(timer);
      res.end();
    },
    (seconds * 1000) / PARTS,
  );
  res.once('close', () => clearInterval(timer));
}
