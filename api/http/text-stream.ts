import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';

/** A text of any length, made while it is read. */
export interface TextAnswer {
  contentType: string;
  /** Of the file that a browser saves. */
  name: string;
  parts: AsyncIterable<string>;
}

/** How long a caller may read nothing before its connection is cut, in milliseconds. */
const patienceMs = 15_000;

/** Streams a text at the pace of its reader. An error in the middle cuts the connection: the text has no end then. */
export async function sendLines(
  request: Request,
  response: Response,
  { contentType, name, parts }: TextAnswer,
): Promise<void> {
  response.type(contentType).set('content-disposition', `attachment; filename="${name}"`);
  if (request.method === 'HEAD') return void response.end();
  // Those of a stream come to the request's own.
  response.setMaxListeners(20);
  let before = -1;
  const timer = setInterval(() => {
    const written = response.socket?.bytesWritten ?? 0;
    if (written === before && response.writableNeedDrain) response.destroy();
    before = written;
  }, patienceMs);
  try {
    await pipeline(Readable.from(parts), response);
  } catch (error) {
    // A caller that disconnects is no failure of ours.
    if (!response.destroyed || !isCut(error)) throw error;
  } finally {
    clearInterval(timer);
  }
}

const isCut = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'ERR_STREAM_PREMATURE_CLOSE';
