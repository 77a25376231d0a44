import { allHandlersFinished, condition, upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from '../domain/search-attributes.ts';
import { login } from './activities.ts';
import { connect } from './connect.ts';
import { disconnect } from './disconnect.ts';
import { lookAtAccount } from './look-at-account.ts';
import type { ConnectionInput } from './messages.ts';
import { reconnect } from './reconnect.ts';
import { startRun } from './run.ts';
import { supersede } from './supersede.ts';

const procedures = { connect, reconnect, disconnect, superseded: supersede, none: lookAtAccount };

/**
 * Moves one account between connected and not. PostgreSQL holds the wishes as numbered attempts; this run carries out
 * the newest, undoes what it replaces, and ends when nothing is wished for any more. Its id is the account's mutex.
 */
export async function connection(input: ConnectionInput): Promise<void> {
  const run = startRun(input);
  do {
    run.again = false;
    const wish = await login.takeWish.executeWithOptions({ summary: 'Read what is wished for' }, [run.ref(0)]);
    await procedures[wish.kind](run, wish);
    // Who waits for a newer attempt is answered by taking it up, so that is not waited for here.
    await condition(() => allHandlersFinished() || (run.again && run.awaited > run.view.attempt));
    // Checked in the same breath as the end: a signal that comes later makes the server refuse the end.
  } while (run.again);
  upsertSearchAttributes([{ key: searchAttributes.state, value: run.view.accountState }]);
}
