import { lockMedia, type MediaName } from '../../db/queries/media/media.ts';
import { removeUnusedMedia, unknownMedia } from '../../db/queries/media/remove-media.ts';
import type { Context } from '../context.ts';

type Removing = Pick<Context, 'db' | 'blobs'>;

/** Bytes without a row may be on their way to one for this long. By the clock of the machine, as files have it. */
const graceMs = 60 * 60_000;

/** Removes files that no row refers to any more: rows, then bytes. Answers how many. */
export async function removeUnused({ db, blobs }: Removing, now: Date, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (let left = true; left && !isOver();) {
    const { seen, removed } = await db.system((em) => removeUnusedMedia(em, now));
    for (const name of removed) await removeBytes({ db, blobs }, name);
    count += removed.length;
    left = seen > 0;
  }
  return count;
}

/**
 * Removes bytes that have no row: a process died between the two, or a dump without the row was restored. `digits`: the
 * first two of the hashes that are looked at. Answers how many.
 */
export async function removeOrphans(
  { db, blobs }: Removing,
  digits: string,
  isOver: () => boolean,
  before = new Date(Date.now() - graceMs),
): Promise<number> {
  let count = await blobs.removeUnnamed(before);
  for await (const names of blobs.list(digits, before)) {
    const unknown = await db.system((em) => unknownMedia(em, names));
    for (const name of unknown) await removeBytes({ db, blobs }, name);
    count += unknown.length;
    if (isOver()) break;
  }
  return count;
}

/** Nothing happens where a row has come meanwhile. */
const removeBytes = ({ db, blobs }: Removing, name: MediaName): Promise<void> =>
  db.system(async (em) => {
    await lockMedia(em, name);
    const [isUnknown] = await unknownMedia(em, [name]);
    if (isUnknown) await blobs.remove(name);
  });
