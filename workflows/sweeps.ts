import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import { inBackfill, sweeps } from './activity-options.ts';

/** Activities of one sweep at the same time. Each works for some minutes: the history grows with time, not with accounts. */
const lanes = 16;

/** No account has a workflow of its own. `dueAt`: when the sweep began; accounts due later belong to the next one. */
export async function syncAllContacts(dueAt = Date.now()): Promise<void> {
  const more = await inLanes(() =>
    sweeps.syncDueContacts.executeWithOptions({ ...inBackfill(), summary: 'Read address books' }, [
      { now: Date.now(), dueAt },
    ]),
  );
  if (more) await continueAsNew<typeof syncAllContacts>(dueAt);
}

export async function fetchPictures(dueAt = Date.now()): Promise<void> {
  const more = await inLanes(() =>
    sweeps.fetchDuePictures.executeWithOptions({ ...inBackfill(), summary: 'Fetch pictures' }, [
      { now: Date.now(), dueAt },
    ]),
  );
  if (more) await continueAsNew<typeof fetchPictures>(dueAt);
}

/** One activity; where that leaves something, many at the same time. Returns whether a new run must continue. */
async function inLanes(work: () => Promise<boolean>): Promise<boolean> {
  if (!(await work())) return false;
  let isLeft = true;
  const lane = async (): Promise<void> => {
    while (isLeft && !workflowInfo().continueAsNewSuggested) if (!(await work())) isLeft = false;
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return isLeft;
}

/** Its result is what each part did, in numbers; the failure of one part stops no other. */
export function maintenance(): ReturnType<Activities['maintain']> {
  return sweeps.maintain.executeWithOptions({ ...inBackfill(), summary: 'Run every part of the maintenance' }, [
    { now: Date.now() },
  ]);
}
