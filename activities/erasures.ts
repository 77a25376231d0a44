import type { Context } from '../services/context.ts';
import { eraseContacts } from '../services/erasures/erase-contacts.ts';
import { eraseRecords } from '../services/erasures/erase-records.ts';
import { rememberErased, type ErasingRef } from '../services/erasures/remember-erased.ts';

export const erasureActivities = (context: Context) => ({
  rememberErased: (ref: ErasingRef) => rememberErased(context, ref),
  eraseContacts: (ref: ErasingRef) => eraseContacts(context, ref),
  eraseRecords: (ref: ErasingRef) => eraseRecords(context, ref),
});
