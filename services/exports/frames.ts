import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Keyset } from '../../platform/keyset.ts';
import type { ByteRange } from '../media/blob-store.ts';

/** Bytes of a frame before it is sealed, about. */
const frameBytes = 256 * 1_024;
/** Before each frame: its length, in four bytes. */
const lengthBytes = 4;

/** Text that is written, as it will be read. */
interface Written {
  /** Bytes. */
  size: number;
  /** SHA-256 in hexadecimal. */
  sha256: string;
}

/** Seals text piece by piece, so that nothing of an export is readable in the store. `result` is for after the end. */
export function sealFrames(text: AsyncIterable<string>, keys: Keyset): { body: Readable; result(): Written } {
  const hash = createHash('sha256');
  let size = 0;
  async function* frames(): AsyncGenerator<Buffer> {
    let pieces: Buffer[] = [];
    let bytes = 0;
    const frame = (): Buffer => {
      const sealed = keys.sealBytes(Buffer.concat(pieces));
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32BE(sealed.length);
      pieces = [];
      bytes = 0;
      return Buffer.concat([length, sealed]);
    };
    for await (const piece of text) {
      const buffer = Buffer.from(piece);
      hash.update(buffer);
      size += buffer.length;
      pieces.push(buffer);
      bytes += buffer.length;
      if (bytes >= frameBytes) yield frame();
    }
    if (bytes > 0) yield frame();
  }
  return { body: Readable.from(frames()), result: () => ({ size, sha256: hash.digest('hex') }) };
}

/** Reads what `sealFrames` wrote, or a part of it. */
export const openFrames = (sealed: Readable, keys: Keyset, range?: ByteRange): Readable =>
  Readable.from(plain(sealed, keys, range ?? { start: 0, end: Infinity }));

async function* plain(sealed: Readable, keys: Keyset, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const frame of framesOf(sealed)) {
    const piece = Buffer.from(keys.openBytes(frame));
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at));
    at += piece.length;
    if (wanted.length) yield wanted;
    if (at > end) return;
  }
}

async function* framesOf(sealed: Readable): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of sealed as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= lengthBytes && rest.length >= lengthBytes + rest.readUInt32BE()) {
      const end = lengthBytes + rest.readUInt32BE();
      yield rest.subarray(lengthBytes, end);
      rest = rest.subarray(end);
    }
  }
  if (rest.length) throw new Error('A file of an export ends in the middle of a frame.');
}
