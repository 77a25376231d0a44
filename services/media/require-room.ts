import { storedBytes } from '../../db/queries/media/media.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';

/**
 * For files that callers bring, before one is noted; `size` is in bytes. Throws `Problem` where the tenant's files would
 * take more than they may. Files that come at the same time do not see each other.
 */
export async function requireRoom(
  { config, db }: Pick<Context, 'config' | 'db'>,
  tenantId: string,
  size: number,
): Promise<void> {
  const most = config.MEDIA_QUOTA_BYTES;
  if (most === undefined) return;
  const used = await db.tenant(tenantId, (em) => storedBytes(em, tenantId));
  if (used + size <= most) return;
  throw new Problem('storage_full', `Of ${most} bytes ${used} are taken; the file has ${size}.`);
}
