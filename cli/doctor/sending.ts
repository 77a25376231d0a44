import { countPausedTenants } from '../../db/queries/tenants/paused-sending.ts';
import { allStops } from '../../db/queries/tenants/sending-stops.ts';
import { fail, pass, type Check } from './check.ts';

/** A restored dump sends nothing until an operator says so, nor does what an operator has stopped. */
export const sending: Check = {
  name: 'sending',
  needs: ['database', 'schema'],
  otherwise: 'patchbay sending status',
  look: async (subject) => {
    const db = await subject.database();
    const [paused, stops] = await db.system(async (em) => [await countPausedTenants(em), await allStops(em)] as const);
    if (paused)
      return [fail(`sending and Schedules are paused for ${paused} tenants after a restore`, 'patchbay resume')];
    const byOperator = stops.filter(({ reason }) => reason === 'operator');
    if (byOperator.some(({ tenantId }) => tenantId === null))
      return [fail('sending is stopped for all tenants', 'patchbay sending start --all')];
    if (byOperator.length)
      return [fail(`sending is stopped for ${byOperator.length} tenants`, 'patchbay sending start --tenant NAME')];
    const own = stops.filter(({ reason }) => reason === 'tenant').length;
    return [pass(own ? `not paused; ${own} tenants have stopped their own` : 'not paused')];
  },
};
