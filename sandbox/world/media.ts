import { crc32, deflateSync } from 'node:zlib';
import { mix } from './random.ts';

const SIDE = 40;
const CELL = 8;

/** A PNG of 40 by 40 pixels: a mirrored pattern in one colour that follows from the seed. */
export function picture(seed: number): Buffer {
  const colour = [mix(seed, 1) & 0xff, mix(seed, 2) & 0xff, mix(seed, 3) & 0xff];
  const rows = Buffer.alloc(SIDE * (1 + SIDE * 3), 0xf0);
  for (let y = 0; y < SIDE; y++) {
    const start = y * (1 + SIDE * 3);
    rows[start] = 0; // no filter
    for (let x = 0; x < SIDE; x++) {
      const column = Math.floor(x / CELL);
      const mirrored = Math.min(column, SIDE / CELL - 1 - column);
      if (mix(seed, 9, mirrored, Math.floor(y / CELL)) & 1) rows.set(colour, start + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits a channel, RGB
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** In pixels. */
export const PICTURE_SIDE = SIDE;

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** One or two seconds of silence as WAV, 8,000 samples a second of 8 bits. */
export function silence(seed: number): Buffer {
  const samples = 8000 * (1 + (seed % 2));
  const wav = Buffer.alloc(44 + samples, 0x80);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(8000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples, 40);
  return wav;
}

export function notes(seed: number): Buffer {
  return Buffer.from(`Notes ${seed % 1000}\n\nNothing here is about anyone.\n`);
}
