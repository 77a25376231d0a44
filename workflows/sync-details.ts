import { details, inBackfill, login } from './activities.ts';
import { failureCode } from './failure-code.ts';
import type { SyncDetailsInput } from './messages.ts';

/** Collects an account's details; a trigger that comes while it runs makes it go once more. */
export async function syncDetails(input: SyncDetailsInput): Promise<void> {
  const ref = () => ({ ...input, now: Date.now() });
  let again = true;
  while (again)
    try {
      again = await details.collectDetails.executeWithOptions(
        { ...inBackfill(), summary: 'Collect the account details' },
        [ref()],
      );
    } catch (error) {
      const reason = failureCode(error);
      again = await login.giveUpDetails.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]);
    }
}
