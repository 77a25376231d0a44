import { details, inBackfill } from './activities.ts';
import type { SyncDetailsInput } from './messages.ts';

/** Collects an account's details; a trigger that comes while it runs makes it go once more. */
export async function syncDetails(input: SyncDetailsInput): Promise<void> {
  let again = true;
  while (again)
    again = await details.collectDetails.executeWithOptions(
      { ...inBackfill(), summary: 'Collect the account details' },
      [{ ...input, now: Date.now() }],
    );
}
