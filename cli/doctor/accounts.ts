import { accountKinds } from '../../db/queries/health/account-counts.ts';
import { troubledStates } from '../../db/queries/health/trouble.ts';
import { fail, pass, type Check } from './check.ts';

/** Accounts that wait for the operator. Those that wait for their owners are asked for by reminders. */
export const accounts: Check = {
  name: 'accounts',
  needs: ['database', 'schema'],
  otherwise: 'patchbay health',
  look: async (subject) => {
    const db = await subject.database();
    const kinds = await db.system((em) => accountKinds(em, null));
    const troubled = kinds.filter(({ state }) => troubledStates.some((one) => one === state));
    const sum = (of: typeof kinds): number => of.reduce((n, one) => n + one.accounts, 0);
    const needing = (who: string): number => sum(troubled.filter((one) => one.who === who));
    const operator = needing('operator');
    if (operator) return [fail(`${operator} of ${sum(kinds)} need the operator`, 'patchbay health --who operator')];
    return [pass(`${sum(kinds)}, of which ${needing('owner')} need their owner`)];
  },
};
