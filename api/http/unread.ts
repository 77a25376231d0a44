import type { Request, Response } from 'express';

/** How long what is still being sent is taken and thrown away after the answer, in milliseconds. */
const lingerMs = 2_000;

/** Whether the request has a body of which some was not read. */
export const isUnread = (request: Request): boolean =>
  !request.complete &&
  (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0);

/**
 * Answers at once, though the caller is still sending, and closes the connection a little later: closed at once, the
 * bytes under way would have the caller's system drop the answer.
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
