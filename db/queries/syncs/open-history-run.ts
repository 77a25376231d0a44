import type { Em } from '../../connect.ts';
import type { Account } from '../../entities/accounts.ts';
import { rows, sql } from '../../sql.ts';
import { forgetHistory } from './conversation-history.ts';
import { openWholeRun } from './open-runs.ts';

/** A provider may still be copying an account's history when it is first read. */
const againMs = 600_000;

/** When a history is read once more after a login; null where it was read before. */
export const historyAgainAt = ({ lastSyncAt }: Pick<Account, 'lastSyncAt'>, now: Date): Date | null =>
  lastSyncAt === null ? new Date(now.getTime() + againMs) : null;

/** The repeated run after a connection, which reads everything anew; null where it is not due or another worker opened it. */
export async function openHistoryRunAgain(
  em: Em,
  accountId: string,
  now: Date,
): Promise<{ id: string; scope: string } | null> {
  const due = await rows(
    em,
    sql`update accounts set history_again_at = null where id = ${accountId} and history_again_at <= ${now} returning id`,
  );
  if (!due.length) return null;
  await forgetHistory(em, { accountId });
  return openWholeRun(em, 'conversations', accountId, now);
}
