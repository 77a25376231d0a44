import { erasing, inBackfill } from './activity-options.ts';
import type { ErasePersonInput } from './messages.ts';

/** The ledger first: a concurrent sync cannot bring back what is erased afterwards. Each step is idempotent. */
export async function erasePerson(input: ErasePersonInput): Promise<void> {
  const ref = () => ({ ...input, now: Date.now() });
  const step = (summary: string) => ({ ...inBackfill(), summary });
  let done: boolean;
  do {
    await erasing.rememberErased.executeWithOptions(step('Write into the ledger who must not come back'), [ref()]);
    await erasing.eraseContacts.executeWithOptions(step('Take the person out of every address book'), [ref()]);
    done = await erasing.eraseRecords.executeWithOptions(step('Take away what else speaks of the person'), [ref()]);
  } while (!done);
}
