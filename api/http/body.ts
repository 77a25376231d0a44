import type { Request, Response } from 'express';
import { Problem } from '../../services/problem.ts';

/**
 * The whole body of a request, in bytes of at most `limit`. 413: an announced body is refused before any of it is read,
 * another one at the limit. 415 for a compressed one. Express's own parsers answer an error only after they have read
 * the rest of the request, and call for a body before they know its length.
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

/**
 * The body as JSON; undefined when there is none. 400 for what is no JSON object or array, 415 for another content type
 * and for another character set than UTF-8, 422 for text that cannot be stored. A body without a type counts as JSON.
 */
export async function readJson(request: Request, response: Response, limit: number): Promise<object | undefined> {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';');
  const charset = /^\s*charset\s*=\s*"?([\w-]+)/i.exec(parameters.find((one) => /charset/i.test(one)) ?? '')?.[1];
  if (charset && !/^(utf-?8|us-ascii)$/i.test(charset)) throw new Problem('unsupported_encoding');
  const raw = await readBody(request, response, limit);
  if (!raw.length) return undefined;
  if (!/^(application\/([\w.-]+\+)?json)?$/i.test(type.trim())) throw new Problem('unsupported_type');
  if (hasManyValues(raw))
    throw new Problem('invalid_request', `The body may hold ${mostValues} values, no more: send several requests.`);
  const value = parseJson(raw);
  if (typeof value !== 'object' || value === null)
    throw new Problem('malformed_request', 'The body must be a JSON object.');
  checkText(value);
  return value;
}

/** Values in a body: half a million of them fit into 1 MB, and take a hundred times as long to parse and check. */
const mostValues = 20_000;

/** Whether JSON holds more values than are taken, by the signs outside of texts that each needs one of. */
function hasManyValues(raw: Buffer): boolean {
  const [quote, backslash, comma, list, object] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];
  let count = 0;
  let isText = false;
  for (let at = 0; at < raw.length && count <= mostValues; at += 1) {
    const byte = raw[at];
    if (isText && byte === backslash) at += 1;
    else if (byte === quote) isText = !isText;
    else if (!isText && (byte === comma || byte === list || byte === object)) count += 1;
  }
  return count > mostValues;
}

/** Stands for a number that JavaScript cannot hold as it was sent. */
const unheld = Symbol('a number that cannot be held');

/** Only texts with something like these can hold such a number. */
const perhapsUnheld = /\d{16}|\de\+?\d/i;

function parseJson(raw: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(raw);
    return JSON.parse(text, perhapsUnheld.test(text) ? markUnheld : undefined);
  } catch {
    throw new Problem('malformed_request', 'The body is not valid JSON in UTF-8.');
  }
}

const markUnheld = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'number') return value;
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? value : unheld;
};

/** Levels that a body may be nested: other code walks it by recursion. */
const deepest = 50;

/**
 * 422 for what cannot be stored, anywhere in `value`: NUL characters and halves of surrogate pairs, numbers that JavaScript
 * cannot hold, and a value that is nested too deep.
 */
export function checkText(value: unknown, path: readonly string[] = []): void {
  const refuse = (message: string): Problem =>
    new Problem('invalid_request', `${path.join('.') || 'body'}: ${message}`);
  if (value === unheld) throw refuse(`must be a number up to ${Number.MAX_SAFE_INTEGER}; send a longer one as a text.`);
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw refuse('must contain neither NUL nor half a surrogate pair.');
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length === deepest) throw new Problem('invalid_request', `body: nested deeper than ${deepest} levels.`);
  for (const [key, inner] of Object.entries(value)) {
    // Other code would lose it without a word.
    if (key === '__proto__') throw refuse('must not have a field __proto__.');
    if (key.includes('\0') || !key.isWellFormed())
      throw refuse('must contain neither NUL nor half a surrogate pair in a name.');
    checkText(inner, [...path, key]);
  }
}

/** How long the rest of a body is read and dropped after the answer, in milliseconds. */
const lingerMs = 2_000;

/** Whether the request has a body of which a part was not read. */
export const isUnread = (request: Request): boolean =>
  !request.complete &&
  (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0);

/**
 * Answers at once, while the caller is still sending, and closes the connection a little later. Closed at once, the bytes
 * that are still under way would make the caller's system drop the answer (TCP reset).
 */
export function answerUnread(request: Request, response: Response, text: string): void {
  if (response.destroyed) return;
  const ignore = (): void => {};
  response.set({ connection: 'close', 'content-length': String(Buffer.byteLength(text)) });
  response.on('error', ignore).write(text);
  const end = (): void => {
    clearTimeout(timer);
    if (!response.destroyed) response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.on('error', ignore).once('end', end).once('close', end).resume();
}
