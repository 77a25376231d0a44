import type { Activities } from '../activities/activities.ts';
import { inBackfill, sweeps } from './activity-options.ts';

/** In chunks of accounts; no account has a workflow of its own. */
export async function syncAllContacts(): Promise<void> {
  const dueAt = Date.now();
  let more: boolean;
  do {
    more = await sweeps.syncDueContacts.executeWithOptions({ ...inBackfill(), summary: 'Read address books' }, [
      { now: Date.now(), dueAt },
    ]);
  } while (more);
}

export async function fetchPictures(): Promise<void> {
  const dueAt = Date.now();
  let more: boolean;
  do {
    more = await sweeps.fetchDuePictures.executeWithOptions({ ...inBackfill(), summary: 'Fetch pictures' }, [
      { now: Date.now(), dueAt },
    ]);
  } while (more);
}

/** Its result is what each part did, in numbers; the failure of one part stops no other. */
export function maintenance(): ReturnType<Activities['maintain']> {
  return sweeps.maintain.executeWithOptions({ ...inBackfill(), summary: 'Run every part of the maintenance' }, [
    { now: Date.now() },
  ]);
}
