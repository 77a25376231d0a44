import { setHandler } from '@temporalio/workflow';
import { contactsIn, inBackfill, login } from './activities.ts';
import { failureCode } from './failure-code.ts';
import { lookAgain, type SyncContactsInput } from './messages.ts';

/**
 * Goes on with an account's contacts sync of one scope until it has ended. All progress is in PostgreSQL, so that the
 * history does not grow with the address book. Triggers that come meanwhile make it go once more.
 */
export async function syncContacts({ heartbeatSeconds, ...run }: SyncContactsInput): Promise<void> {
  const ref = () => ({ ...run, now: Date.now() });
  const contacts = contactsIn(heartbeatSeconds);
  let told = false;
  setHandler(lookAgain, () => {
    told = true;
  });
  let more: boolean;
  do {
    told = false;
    try {
      more = await contacts.syncContacts.executeWithOptions({ ...inBackfill(), summary: 'Read the address book' }, [
        ref(),
      ]);
    } catch (error) {
      const reason = failureCode(error);
      more = await login.giveUpContacts.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]);
    }
  } while (more || told);
}
