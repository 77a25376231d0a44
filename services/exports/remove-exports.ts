import { closeExports, expiredExports, removeFiles, resetExports } from '../../db/queries/exports/files.ts';
import type { Context } from '../context.ts';
import { drain } from '../maintenance/drain.ts';

/** Removes the files of exports after their time; the bytes go with the next part of the maintenance. Answers how many exports. */
export const removeExpiredExports = ({ db }: Pick<Context, 'db'>, now: Date, isOver: () => boolean): Promise<number> =>
  drain(
    () =>
      db.system(async (em) => {
        const ids = await expiredExports(em, now);
        await removeFiles(em, ids, now);
        await closeExports(em, ids);
        return ids.length;
      }),
    isOver,
  );

/**
 * Takes away what exports of the tenant wrote, since a person in it was erased: open ones begin anew, and a file that is
 * being written from what was read before is not kept.
 */
export async function withdrawExports({ db, clock }: Pick<Context, 'db' | 'clock'>, tenantId: string): Promise<void> {
  await db.tenant(tenantId, async (em) => {
    const now = clock.now();
    await removeFiles(em, await resetExports(em, tenantId, now), now);
  });
}
