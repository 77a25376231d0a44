import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import type { FailureCode } from '../domain/failures.ts';
import { contactsIn, details, inBackfill, login } from './activity-options.ts';
import { failureCode } from './failure-code.ts';
import { refresh, type StartSyncsInput, type SyncContactsInput, type SyncDetailsInput } from './messages.ts';

export function syncDetails(input: SyncDetailsInput): Promise<void> {
  const ref = () => ({ ...input, now: Date.now() });
  return untilDone(
    () =>
      details.collectDetails.executeWithOptions({ ...inBackfill(), summary: 'Collect the account details' }, [ref()]),
    (reason) => login.giveUpDetails.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/** All progress is in PostgreSQL: the history does not grow with the address book. */
export function syncContacts({ heartbeatSeconds, ...run }: SyncContactsInput): Promise<void> {
  const ref = () => ({ ...run, now: Date.now() });
  const contacts = contactsIn(heartbeatSeconds);
  return untilDone(
    () => contacts.syncContacts.executeWithOptions({ ...inBackfill(), summary: 'Read the address book' }, [ref()]),
    (reason) => login.giveUpContacts.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/** Starts the syncs that a request opened for many accounts. Returns how many. */
export async function startSyncs(input: StartSyncsInput): Promise<{ started: number }> {
  let refreshRequested = false;
  setHandler(refresh, () => {
    refreshRequested = true;
  });
  let started = 0;
  do {
    refreshRequested = false;
    started += await details.startSyncs.executeWithOptions({ summary: `Start the syncs of ${input.kind}` }, [input]);
  } while (refreshRequested);
  return { started };
}

/** A trigger during the run repeats the sync: the activity sees it when it closes the run; a later one is a signal. */
async function untilDone(
  work: () => Promise<boolean>,
  giveUp: (reason: FailureCode) => Promise<boolean>,
): Promise<void> {
  let refreshRequested = false;
  setHandler(refresh, () => {
    refreshRequested = true;
  });
  let more: boolean;
  do {
    refreshRequested = false;
    try {
      more = await work();
    } catch (error) {
      if (isCancellation(error)) {
        await CancellationScope.nonCancellable(() => giveUp('cancelled'));
        throw error;
      }
      more = await giveUp(failureCode(error));
    }
  } while (more || refreshRequested);
}
