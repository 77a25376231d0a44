import { setCurrentDetails } from '@temporalio/workflow';
import type { ErasureCounts } from '../domain/erasure.ts';
import { erasing, inBackfill } from './activity-options.ts';
import type { ErasePersonInput } from './messages.ts';

/**
 * The ledger first: a concurrent sync cannot bring back what is erased afterwards. Each step is idempotent. The result is
 * what was taken away, in numbers.
 */
export async function erasePerson(input: ErasePersonInput): Promise<Partial<ErasureCounts>> {
  const ref = () => ({ ...input, now: Date.now() });
  const step = (summary: string) => ({ ...inBackfill(), summary });
  for (let pass = 1; ; pass += 1) {
    const { names } = await erasing.rememberErased.executeWithOptions(
      step('Write into the ledger who must not come back'),
      [ref()],
    );
    setCurrentDetails(`Pass ${pass}: the person is known by ${names} names.`);
    await erasing.eraseContacts.executeWithOptions(step('Take the person out of every address book'), [ref()]);
    const { more, counts } = await erasing.eraseRecords.executeWithOptions(
      step('Take away what else speaks of the person'),
      [ref()],
    );
    const taken = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
    setCurrentDetails(`Pass ${pass} is done. Taken away so far: ${taken.join(', ') || 'nothing'}.`);
    if (!more) return counts;
  }
}
