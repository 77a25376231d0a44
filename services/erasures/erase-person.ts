import type { ErasureRef } from '../../db/queries/erasures/erasures.ts';
import type { Context } from '../context.ts';
import { eraseContacts } from './erase-contacts.ts';
import { eraseRecords } from './erase-records.ts';
import { rememberErased } from './remember-erased.ts';

/** Erases a person from start to end without Temporal: after a restore, before workers run. Safe to repeat. */
export async function erasePerson(context: Context, erasure: ErasureRef): Promise<void> {
  const ref = { ...erasure, now: context.clock.now().getTime() };
  do {
    await rememberErased(context, ref);
    await eraseContacts(context, ref);
  } while ((await eraseRecords(context, ref)).more);
}
