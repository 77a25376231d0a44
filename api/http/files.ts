import type { Request, Response } from 'express';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../../services/problem.ts';

/** The first and the last byte, both included. */
interface ByteRange {
  start: number;
  end: number;
}

/** A file to be streamed. */
export interface FileAnswer {
  /** Bytes. */
  size: number;
  /** Equal for equal bytes; without quotes. */
  version: string;
  contentType: string | null;
  name: string | null;
  open(range?: ByteRange): Promise<Readable>;
}

/** How long a caller may read nothing before its connection is cut, in milliseconds. */
const patienceMs = 15_000;

/** Types that a browser draws or plays and that carry no code. Everything else is a download. */
const shownTypes = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'video/mp4',
  'video/webm',
  'video/quicktime',
  'video/3gpp',
  'audio/mpeg',
  'audio/mp4',
  'audio/ogg',
  'audio/aac',
  'audio/amr',
  'audio/wav',
  'audio/webm',
]);

/**
 * Streams a file, or the part of it that the request asks for. The policy that helmet sets for every answer forbids what it
 * would load or run, and puts it into a sandbox. Throws 416 for a part that the file does not have.
 */
export async function sendFile(request: Request, response: Response, file: FileAnswer): Promise<void> {
  const { size, contentType, version, name } = file;
  const etag = `"${version}"`;
  const type = typeOf(contentType);
  const range = rangeOf(request, etag, size);
  const isWanted = request.method !== 'HEAD' && !isKnown(request, etag);
  const body = isWanted ? await file.open(range ?? undefined) : null;
  response.set({
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-disposition': dispositionOf(type, name),
  });
  // Express would add a character set that the provider did not tell.
  response.setHeader('content-type', type);
  if (isKnown(request, etag)) {
    response.status(304).end();
    return;
  }
  response.status(range ? 206 : 200);
  if (range) response.set('content-range', `bytes ${range.start}-${range.end}/${size}`);
  response.set('content-length', String(range ? range.end - range.start + 1 : size));
  if (!body) {
    response.end();
    return;
  }
  // Those of a stream come to the request's own.
  response.setMaxListeners(20);
  let before = 0;
  const timer = setInterval(() => {
    const written = response.socket?.bytesWritten ?? 0;
    if (written === before) response.destroy();
    before = written;
  }, patienceMs);
  try {
    await pipeline(body, response);
  } catch (error) {
    // A caller that disconnects is no failure of ours.
    if (!response.destroyed) throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Whether the caller has this version. */
const isKnown = (request: Request, etag: string): boolean =>
  (request.get('if-none-match') ?? '').split(',').some((one) => ['*', etag, `W/${etag}`].includes(one.trim()));

/** Null for the whole file: also for several parts at once, and for a part of another version. */
function rangeOf(request: Request, etag: string, size: number): ByteRange | null {
  const version = request.get('if-range');
  if (version !== undefined && version !== etag) return null;
  const ranges = request.range(size, { combine: true });
  if (ranges === -1)
    throw new Problem('range_not_satisfiable', `The file has ${size} bytes.`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return null;
  return ranges[0] ?? null;
}

/** Without parameters; a provider may tell anything. */
const typeOf = (told: string | null): string =>
  /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,100}(?=$|[; ])/.exec(told?.toLowerCase() ?? '')?.[0] ?? 'application/octet-stream';

/** RFC 6266; the plain name is for clients that do not know the encoded one. */
function dispositionOf(type: string, name: string | null): string {
  const kind = shownTypes.has(type) ? 'inline' : 'attachment';
  if (name === null) return kind;
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
