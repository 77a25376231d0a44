import type { Request } from 'express';
import { z } from 'zod';
import { invalid, notFound, WasenderError } from '../errors.ts';
import { forSession, type Route } from '../http.ts';
import { publish } from '../pictures.ts';
import { parseBody } from '../settings.ts';
import type { State } from '../state.ts';

const MB = 1024 * 1024;
/** Upload ceilings by family; what is none of these counts as a document. */
const CEILING: Record<string, number> = { image: 16 * MB, video: 50 * MB, audio: 16 * MB };
const DOCUMENT = 100 * MB;
const STICKER = 5 * MB;

const base64Body = z.looseObject({ base64: z.string().min(1), mimetype: z.string().optional() });

/** Files to send, and files that were received. */
export function mediaRoutes(state: State): Route[] {
  return [
    forSession({
      method: 'post',
      path: '/upload',
      body: 'upload',
      handle(req, res) {
        const file = readUpload(req);
        const family = file.mimetype.split('/')[0]!;
        const ceiling = file.mimetype === 'image/webp' ? STICKER : (CEILING[family] ?? DOCUMENT);
        if (file.bytes.length > ceiling) throw new WasenderError(422, 'The file is too large.');
        res.json({ success: true, publicUrl: publish(state, 'upload', file) });
      },
    }),
    forSession({
      method: 'post',
      path: '/decrypt-media',
      body: 'json',
      handle(req, res) {
        const key = mediaKeyIn(req.body);
        if (key === null) throw invalid('No media was found in this message.');
        const file = state.media.get(key);
        if (!file) throw notFound('Media');
        res.json({ success: true, publicUrl: publish(state, 'decrypted', file) });
      },
    }),
  ];
}

function readUpload(req: Request): { bytes: Buffer; mimetype: string } {
  if (Buffer.isBuffer(req.body)) {
    if (req.body.length === 0) throw invalid('The file is empty.');
    return { bytes: req.body, mimetype: req.headers['content-type'] ?? 'application/octet-stream' };
  }
  const { base64, mimetype } = parseBody(base64Body, req.body);
  const [, inline, data = base64] = /^data:([^;]+);base64,(.*)$/s.exec(base64) ?? [];
  return { bytes: Buffer.from(data, 'base64'), mimetype: mimetype ?? inline ?? 'application/octet-stream' };
}

/** A received message's media block may be sent whole, or wrapped as the event had it. */
function mediaKeyIn(body: unknown): string | null {
  if (body === null || typeof body !== 'object') return null;
  for (const [name, value] of Object.entries(body)) {
    if (name === 'mediaKey' && typeof value === 'string') return value;
    const inner = mediaKeyIn(value);
    if (inner !== null) return inner;
  }
  return null;
}
