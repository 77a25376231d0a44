import type { Activities } from '../activities/activities.ts';
import { inBackfill, sweeps } from './activity-options.ts';

/** Reads every address book that is due, in chunks of accounts; no account has a workflow of its own for it. */
export async function syncAllContacts(): Promise<void> {
  const dueAt = Date.now();
  let more: boolean;
  do {
    more = await sweeps.syncDueContacts.executeWithOptions({ ...inBackfill(), summary: 'Read address books' }, [
      { now: Date.now(), dueAt },
    ]);
  } while (more);
}

/** Fetches missing pictures, within the provider's quotas. */
export async function fetchPictures(): Promise<void> {
  const dueAt = Date.now();
  let more: boolean;
  do {
    more = await sweeps.fetchDuePictures.executeWithOptions({ ...inBackfill(), summary: 'Fetch pictures' }, [
      { now: Date.now(), dueAt },
    ]);
  } while (more);
}

/**
 * Removes what is past its retention and settles what is owed. Its result says what each part did, in numbers; the
 * failure of one part stops no other.
 */
export function maintenance(): ReturnType<Activities['maintain']> {
  return sweeps.maintain.executeWithOptions({ ...inBackfill(), summary: 'Run every part of the maintenance' }, [
    { now: Date.now() },
  ]);
}
