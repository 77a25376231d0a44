import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isId } from '../../platform/ids.ts';
import { BlobMissingError, BlobTooLargeError, type BlobName, type BlobStore } from './blob-store.ts';

/** Names in one batch of a list. */
const batch = 500;
/** Holds bytes without a name. */
const incoming = 'incoming';

/** Bytes as files of a folder, which all processes of an installation share: `<first two digits of the hash>/<tenant>.<hash>`. */
export function createFolderBlobs(root: string): BlobStore {
  const pathOf = ({ tenantId, hash }: BlobName): string => {
    if (!isId(tenantId) || !isHash(hash)) throw new Error('This names no bytes.');
    return join(root, hash.slice(0, 2), `${tenantId}.${hash}`);
  };
  return {
    receive: async (body, mostBytes) => {
      const file = join(root, incoming, randomUUID());
      const hash = createHash('sha256');
      let size = 0;
      const count = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          size += chunk.length;
          hash.update(chunk);
          done(size > mostBytes ? new BlobTooLargeError(mostBytes) : null, chunk);
        },
      });
      const discard = (): Promise<void> => rm(file, { force: true });
      try {
        await makeFolder(dirname(file));
        // `flush` is fsync: the bytes are on the disk before they have a name.
        await pipeline(body, count, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
      } catch (error) {
        body.destroy();
        await discard();
        throw error;
      }
      return {
        hash: hash.digest('hex'),
        size,
        discard,
        keep: async (name) => {
          const path = pathOf(name);
          await makeFolder(dirname(path));
          await rename(file, path);
          await syncFolder(dirname(path));
        },
      };
    },
    open: async (name, range) => {
      const file = await orNullIfMissing(open(pathOf(name), 'r'));
      if (!file) throw new BlobMissingError();
      return file.createReadStream(range);
    },
    asFile: async (name, type) => {
      const path = pathOf(name);
      // `openAsBlob` does not tell a file that is missing from other errors.
      if (!(await orNullIfMissing(stat(path)))) throw new BlobMissingError();
      return openAsBlob(path, { type });
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    list: (digits, before) => listFiles(join(root, digits), before),
    removeUnnamed: async (before) => {
      let removed = 0;
      for (const name of await namesIn(join(root, incoming))) {
        const path = join(root, incoming, name);
        if (!(await isOlder(path, before))) continue;
        await rm(path, { force: true });
        removed += 1;
      }
      return removed;
    },
  };
}

const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

async function* listFiles(folder: string, before: Date): AsyncIterable<BlobName[]> {
  let found: BlobName[] = [];
  for (const name of await namesIn(folder)) {
    const [tenantId = '', hash = ''] = name.split('.');
    if (!isId(tenantId) || !isHash(hash) || !(await isOlder(join(folder, name), before))) continue;
    found.push({ tenantId, hash });
    if (found.length < batch) continue;
    yield found;
    found = [];
  }
  if (found.length) yield found;
}

/** Nothing for a folder that is not there. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  const entries = await orNullIfMissing(opendir(folder));
  if (entries) for await (const { name } of entries) names.push(name);
  return names;
}

/** False for a file that is gone. */
async function isOlder(path: string, before: Date): Promise<boolean> {
  const found = await orNullIfMissing(stat(path));
  return found !== null && found.mtimeMs < before.getTime();
}

const makeFolder = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
};

/** A renamed file outlives a power failure once its folder is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orNullIfMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
