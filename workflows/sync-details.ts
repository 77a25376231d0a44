import { setHandler } from '@temporalio/workflow';
import { details, inBackfill, login } from './activities.ts';
import { failureCode } from './failure-code.ts';
import { lookAgain, type SyncDetailsInput } from './messages.ts';

/**
 * Collects an account's details. A trigger that comes while it runs makes it go once more: the activity sees it when
 * it closes the run, and one that comes after that says so by signal.
 */
export async function syncDetails(input: SyncDetailsInput): Promise<void> {
  const ref = () => ({ ...input, now: Date.now() });
  let told = false;
  setHandler(lookAgain, () => {
    told = true;
  });
  let more: boolean;
  do {
    told = false;
    try {
      more = await details.collectDetails.executeWithOptions(
        { ...inBackfill(), summary: 'Collect the account details' },
        [ref()],
      );
    } catch (error) {
      const reason = failureCode(error);
      more = await login.giveUpDetails.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]);
    }
  } while (more || told);
}
