import type { Em } from '../../connect.ts';
import { ConnectionAttempt } from '../../entities/attempts.ts';

/** The attempts of an account that have not ended, oldest first. */
export const openAttempts = (em: Em, accountId: string): Promise<ConnectionAttempt[]> =>
  em.find(ConnectionAttempt, { accountId, state: 'running' }, { orderBy: { number: 'asc' } });
