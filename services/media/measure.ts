import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { BlobTooLargeError } from './blob-store.ts';

interface Measuring {
  /** Passes bytes through; fails with `BlobTooLargeError` beyond `mostBytes`. */
  through: Transform;
  /** Once, after the end: SHA-256 in lower-case hexadecimal, and bytes. */
  result(): { hash: string; size: number };
}

/** Hashes and counts the bytes that pass. */
export function measure(mostBytes: number): Measuring {
  const hash = createHash('sha256');
  let size = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(size > mostBytes ? new BlobTooLargeError(mostBytes) : null, chunk);
    },
  });
  return { through, result: () => ({ hash: hash.digest('hex'), size }) };
}
