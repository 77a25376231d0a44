import type { Em } from '../../db/connect.ts';
import { lockRoom, otherBytes, type MediaName } from '../../db/queries/media/media.ts';
import { Problem } from '../problem.ts';

/**
 * For a file that a caller brings, in the transaction that notes it; sizes are in bytes. Throws `Problem` where the tenant's
 * files would take more than `most` with it. Files of one tenant take turns until their transactions end, in whatever process:
 * none has the room that another one takes. A file that is stored already takes no more room.
 */
export async function requireRoom(em: Em, name: MediaName, size: number, most: number): Promise<void> {
  await lockRoom(em, name.tenantId);
  const used = await otherBytes(em, name);
  if (used + size <= most) return;
  throw new Problem('storage_full', `Of ${most} bytes ${used} are taken; the file has ${size}.`);
}
