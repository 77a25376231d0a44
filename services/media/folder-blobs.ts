import { randomUUID } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { blobNamed, incoming, pathOfBlob } from './blob-names.ts';
import { BlobMissingError, type BlobName, type BlobStore } from './blob-store.ts';
import { measure } from './measure.ts';

/** Names in one batch of a list. */
const batch = 500;

/** Bytes as files of a folder, which all processes of an installation share. */
export function createFolderBlobs(root: string): BlobStore {
  const pathOf = (name: BlobName): string => join(root, pathOfBlob(name));
  return {
    receive: async (body, mostBytes) => {
      const file = join(root, incoming, randomUUID());
      const { through, result } = measure(mostBytes);
      const discard = (): Promise<void> => rm(file, { force: true });
      try {
        await makeFolder(dirname(file));
        // `flush` is fsync: the bytes are on the disk before they have a name.
        await pipeline(body, through, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
      } catch (error) {
        body.destroy();
        await discard();
        throw error;
      }
      return {
        ...result(),
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
      return { bytes: await openAsBlob(path, { type }), close: () => Promise.resolve() };
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    list: (digits, before) => listFiles(join(root, digits), before),
    removeUnnamed: (before) => removeOldFiles(join(root, incoming), before),
  };
}

/** Removes the files of a folder that were last written before `before`. Answers how many. */
export async function removeOldFiles(folder: string, before: Date): Promise<number> {
  let removed = 0;
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!(await isOlder(path, before))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function* listFiles(folder: string, before: Date): AsyncIterable<BlobName[]> {
  let found: BlobName[] = [];
  for (const file of await namesIn(folder)) {
    const name = blobNamed(file);
    if (!name || !(await isOlder(join(folder, file), before))) continue;
    found.push(name);
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

/** Only this user's processes may read it. */
export const makeFolder = async (path: string): Promise<void> => {
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
