import type { Response } from 'express';
import { Problem } from '../../services/problem.ts';

/** Bounds of answers that their callers have not read yet. */
export interface AnswerBounds {
  /** Bytes in this process, and of those the part of one key. */
  total: number;
  perKey: number;
  /** How long a caller may read nothing before its connection is cut, in milliseconds. */
  patience: number;
}

/** Bytes of an answer that are handed to the connection at once. */
const partSize = 65_536;

const usual: AnswerBounds = { total: 128_000_000, perKey: 32_000_000, patience: 15_000 };

/** Sends an answer's text, which is held in memory until the caller has read it. Throws 503 above the bounds. */
export type SendAnswer = (response: Response, key: string, text: string) => void;

/** Answers that are held in memory are bounded, and callers that do not read theirs are cut. */
export function createAnswers({ total, perKey, patience }: AnswerBounds = usual): SendAnswer {
  const held = new Map<string, number>();
  let all = 0;
  return (response, key, text) => {
    const size = Buffer.byteLength(text);
    const own = held.get(key) ?? 0;
    // One answer is always sent, however long it is.
    if ((own > 0 && own + size > perKey) || (all > 0 && all + size > total))
      throw new Problem('too_many_unread', undefined, { retryAfter: 5 });
    all += size;
    held.set(key, own + size);
    let sent = 0;
    let before = -1;
    const timer = setInterval(() => {
      if (sent === before) response.destroy();
      before = sent;
    }, patience);
    const release = (): void => {
      clearInterval(timer);
      response.off('finish', release).off('close', release).off('drain', write);
      all -= size;
      const rest = (held.get(key) ?? size) - size;
      if (rest > 0) held.set(key, rest);
      else held.delete(key);
    };
    // In parts: of one large write it is not seen how much of it has gone.
    const bytes = Buffer.from(text);
    const write = (): void => {
      while (size - sent > partSize) {
        const part = bytes.subarray(sent, sent + partSize);
        sent += partSize;
        if (!response.write(part)) return;
      }
      response.end(bytes.subarray(sent));
    };
    response.once('finish', release).once('close', release).on('drain', write);
    response.set('content-length', String(size));
    write();
  };
}
