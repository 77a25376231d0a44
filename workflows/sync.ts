import { setHandler } from '@temporalio/workflow';
import type { FailureCode } from '../domain/failures.ts';
import { contactsIn, details, inBackfill, login } from './activity-options.ts';
import { failureCode } from './failure-code.ts';
import { refresh, type SyncContactsInput, type SyncDetailsInput } from './messages.ts';

/** Collects an account's details. */
export function syncDetails(input: SyncDetailsInput): Promise<void> {
  const ref = () => ({ ...input, now: Date.now() });
  return untilDone(
    () =>
      details.collectDetails.executeWithOptions({ ...inBackfill(), summary: 'Collect the account details' }, [ref()]),
    (reason) => login.giveUpDetails.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/**
 * Goes on with an account's contacts sync of one scope until it has ended. All progress is in PostgreSQL, so that the
 * history does not grow with the address book.
 */
export function syncContacts({ heartbeatSeconds, ...run }: SyncContactsInput): Promise<void> {
  const ref = () => ({ ...run, now: Date.now() });
  const contacts = contactsIn(heartbeatSeconds);
  return untilDone(
    () => contacts.syncContacts.executeWithOptions({ ...inBackfill(), summary: 'Read the address book' }, [ref()]),
    (reason) => login.giveUpContacts.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/**
 * Works until an activity answers that nothing is left. A trigger that comes meanwhile makes the sync go once more: the
 * activity sees it when it closes the run; a trigger that comes after that arrives as a signal.
 */
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
      more = await giveUp(failureCode(error));
    }
  } while (more || refreshRequested);
}
