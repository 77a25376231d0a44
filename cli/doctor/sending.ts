import { countPausedTenants } from '../../db/queries/tenants/paused-sending.ts';
import { fail, pass, type Check } from './check.ts';

/** A restored dump sends nothing until an operator says so. */
export const sending: Check = {
  name: 'sending',
  needs: ['database', 'schema'],
  otherwise: 'patchbay sending status',
  look: async (subject) => {
    const paused = await (await subject.database()).system(countPausedTenants);
    return [
      paused ? fail(`sending and Schedules are paused for ${paused} tenants`, 'patchbay resume') : pass('not paused'),
    ];
  },
};
