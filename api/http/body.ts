import type { Request, Response } from 'express';
import { checkText } from './text.ts';
import { Problem } from '../../services/problem.ts';

/**
 * The whole body of a request, in bytes of at most `limit`. Refuses what is announced as longer before any of it is
 * read, and stops reading at the limit otherwise. Nothing compressed is unpacked: 415.
 */
export async function readBody(request: Request, response: Response, limit: number): Promise<Buffer> {
  const tooLarge = (): Problem => new Problem('too_large', `The body may be ${limit} bytes long, no longer.`);
  if ((request.headers['content-encoding'] ?? 'identity').trim().toLowerCase() !== 'identity')
    throw new Problem('unsupported_encoding');
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
  const parts: Buffer[] = [];
  let size = 0;
  try {
    // Leaving the loop must not destroy the request: its connection still carries the answer.
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limit) throw tooLarge();
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('malformed_request', 'The body ended before it was complete.');
  }
  return Buffer.concat(parts, size);
}

/** The body as JSON, whatever its type says; undefined when there is none. 400 for what is no JSON object or array. */
export async function readJson(request: Request, response: Response, limit: number): Promise<object | undefined> {
  const charset = /;\s*charset\s*=\s*"?([\w-]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset && !/^(utf-?8|us-ascii)$/i.test(charset)) throw new Problem('unsupported_encoding');
  const raw = await readBody(request, response, limit);
  if (!raw.length) return undefined;
  const value = parseJson(raw);
  if (typeof value !== 'object' || value === null)
    throw new Problem('malformed_request', 'The body must be a JSON object.');
  checkText('body', value);
  return value;
}

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    throw new Problem('malformed_request', 'The body is not valid JSON in UTF-8.');
  }
}
