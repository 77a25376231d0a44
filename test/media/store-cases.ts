import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { newId } from '../../platform/ids.ts';
import { BlobMissingError, BlobTooLargeError, type BlobName, type BlobStore } from '../../services/media/blob-store.ts';

export const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export async function keep(blobs: BlobStore, bytes: Buffer, tenantId = newId()): Promise<BlobName> {
  const received = await blobs.receive(Readable.from([bytes]), bytes.length);
  const name = { tenantId, hash: received.hash };
  await received.keep(name);
  return name;
}

export async function listed(blobs: BlobStore, digits: string, before: Date): Promise<BlobName[]> {
  const found: BlobName[] = [];
  for await (const names of blobs.list(digits, before)) found.push(...names);
  return found;
}

/** A store of a test that is empty at its beginning. */
export interface StoreOfTest {
  blobs: BlobStore;
  /** Everything that is in it, whole or in parts, named or not. */
  contents(): Promise<string[]>;
}

/** What every store of bytes does. */
export function testEveryStore(current: () => StoreOfTest): void {
  const read = async (...of: Parameters<BlobStore['open']>): Promise<Buffer> =>
    buffer(await current().blobs.open(...of));
  const inMs = (ms: number): Date => new Date(Date.now() + ms);

  it('keeps bytes under their hash, in parts that come one after the other', async () => {
    const { blobs } = current();
    const parts = [Buffer.from('one '), Buffer.from('two '), Buffer.alloc(300_000, 7)];
    const whole = Buffer.concat(parts);
    const received = await blobs.receive(Readable.from(parts), whole.length);
    expect(received).toMatchObject({ hash: hashOf(whole), size: whole.length });
    const name = { tenantId: newId(), hash: received.hash };
    await expect(blobs.open(name)).rejects.toThrow(BlobMissingError);
    await received.keep(name);
    expect((await read(name)).equals(whole)).toBe(true);
    expect((await read(name, { start: 4, end: 6 })).toString()).toBe('two');
  });

  it('keeps the same bytes twice, and a large file', async () => {
    const { blobs, contents } = current();
    const large = Buffer.alloc(12_000_000, 'a large file ');
    const name = await keep(blobs, large);
    await keep(blobs, large, name.tenantId);
    expect((await read(name)).equals(large)).toBe(true);
    expect(await contents()).toHaveLength(1);
  });

  it.each([100, 6_000_000])('refuses one byte more than %d, and leaves nothing of it', async (most) => {
    const { blobs, contents } = current();
    const body = Readable.from([Buffer.alloc(most), Buffer.alloc(1)]);
    await expect(blobs.receive(body, most)).rejects.toThrow(new BlobTooLargeError(most));
    expect(body.destroyed).toBe(true);
    expect(await contents()).toEqual([]);
    await expect(keep(blobs, Buffer.alloc(100))).resolves.toBeDefined();
  });

  it.each([4, 6_000_000])('leaves nothing of a body that breaks after %d bytes', async (size) => {
    const { blobs, contents } = current();
    async function* broken(): AsyncIterable<Buffer> {
      yield await Promise.resolve(Buffer.alloc(size));
      throw new Error('the connection broke');
    }
    await expect(blobs.receive(Readable.from(broken()), 10_000_000)).rejects.toThrow('the connection broke');
    expect(await contents()).toEqual([]);
  });

  it('has nothing after `discard` and after `remove`', async () => {
    const { blobs, contents } = current();
    const received = await blobs.receive(Readable.from(['gone']), 100);
    await received.discard();
    const name = await keep(blobs, Buffer.from('gone too'));
    await blobs.remove(name);
    await blobs.remove(name);
    expect(await contents()).toEqual([]);
  });

  it('keeps the bytes of two tenants apart', async () => {
    const { blobs } = current();
    const bytes = Buffer.from('the same');
    const [one, two] = [await keep(blobs, bytes), await keep(blobs, bytes)];
    await blobs.remove(one);
    await expect(blobs.open(one)).rejects.toThrow(BlobMissingError);
    expect((await read(two)).equals(bytes)).toBe(true);
  });

  it('opens bytes as a file that is read more than once', async () => {
    const { blobs } = current();
    const name = await keep(blobs, Buffer.from('a picture'));
    const { bytes, close } = await blobs.asFile(name, 'image/png');
    expect(bytes).toMatchObject({ type: 'image/png', size: 9 });
    expect([await bytes.text(), await bytes.text()]).toEqual(['a picture', 'a picture']);
    await close();
    expect((await read(name)).toString()).toBe('a picture');
    await expect(blobs.asFile({ ...name, tenantId: newId() }, '')).rejects.toThrow(BlobMissingError);
  });

  it('lists what is old enough', async () => {
    const { blobs } = current();
    const name = await keep(blobs, Buffer.from('old'));
    const digits = name.hash.slice(0, 2);
    expect(await listed(blobs, digits, inMs(60_000))).toEqual([name]);
    expect(await listed(blobs, digits, inMs(-60_000))).toEqual([]);
    expect(await listed(blobs, 'zz', inMs(60_000))).toEqual([]);
  });

  it('removes bytes that a process left without a name, and no others', async () => {
    const { blobs, contents } = current();
    await blobs.receive(Readable.from(['left']), 100);
    const name = await keep(blobs, Buffer.from('named'));
    expect(await blobs.removeUnnamed(inMs(-60_000))).toBe(0);
    expect(await blobs.removeUnnamed(inMs(60_000))).toBe(1);
    expect(await contents()).toHaveLength(1);
    expect((await read(name)).toString()).toBe('named');
  });

  it.each([
    { tenantId: '../..', hash: hashOf(Buffer.from('')) },
    { tenantId: newId(), hash: '../../../etc/passwd' },
  ])('takes no path for a name: %j', async (name) => {
    const { blobs } = current();
    await expect(blobs.open(name)).rejects.toThrow('This names no bytes.');
    expect(() => blobs.remove(name)).toThrow('This names no bytes.');
  });
}
