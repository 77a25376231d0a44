import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { NextOperation, Progress } from '../domain/attempts.ts';
import { searchAttributes } from '../domain/search-attributes.ts';
import { timerText } from '../domain/steps.ts';
import { closing, login } from './activity-options.ts';
import { startAttemptRun, type AttemptRun } from './attempt-run.ts';
import type { ConnectionInput } from './messages.ts';
import { createOperationLog, type ConnectionResult } from './operation-log.ts';
import { createResettableTimer } from './resettable-timer.ts';

/**
 * PostgreSQL holds the requested operations as numbered attempts; this run carries out the newest, compensates what it
 * replaces, and ends when nothing is requested. Its id is the account's mutex. Its result is what it carried out.
 */
export async function connection(input: ConnectionInput): Promise<ConnectionResult> {
  const run = startAttemptRun(input);
  const log = createOperationLog();
  try {
    do {
      run.refreshRequested = false;
      const causes = run.causes.take();
      const operation = await nextOperation(run, causes);
      await procedures[operation.kind](run, operation, causes);
      log.add(operation, run.view);
      // Callers waiting for a newer attempt are answered when it starts; do not wait for them here.
      await condition(() => allHandlersFinished() || (run.refreshRequested && run.awaited > run.view.attempt));
      // No await between this check and completion: a later signal makes the server reject the completion.
    } while (run.refreshRequested);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => cancelAttempt(run));
    upsertState(run);
    throw error;
  }
  upsertState(run);
  return log.result(run.view.accountState);
}

const nextOperation = (run: AttemptRun, causes: string): Promise<NextOperation> =>
  login.nextOperation.executeWithOptions({ summary: because('Read the requested operation', causes) }, [run.ref(0)]);

const because = (summary: string, causes: string): string => (causes ? `${summary} (${causes})` : summary);

const upsertState = ({ view }: AttemptRun): void =>
  upsertSearchAttributes([{ key: searchAttributes.state, value: view.accountState }]);

/** An operator cancelled the run: that is a request to cancel its attempt. Nothing else would move the attempt now. */
async function cancelAttempt(run: AttemptRun): Promise<void> {
  for (let closed = 0; ;) {
    const { kind, attempt } = await nextOperation(run, run.causes.take());
    if (kind === 'none' || kind === 'removed' || attempt === closed) return;
    closed = attempt;
    run.view = {
      ...withoutOutcome(run.view),
      attempt,
      state: 'ending',
      reason: kind === 'superseded' ? 'superseded' : 'cancelled',
    };
    await close(run);
    if (kind !== 'superseded') return;
  }
}

const procedures = { connect, reconnect, disconnect, superseded, removed, none: checkAtRest };

async function connect(run: AttemptRun, operation: NextOperation): Promise<void> {
  if (operation.kind !== 'connect') return;
  beginAttempt(run, operation);
  await run.move('Ask the provider to begin the login', (options) =>
    login.beginLogin.executeWithOptions(options, [run.ref()]),
  );
  await driveAttempt(run);
}

// First a revival without the owner, then a login on the same upstream account.
async function reconnect(run: AttemptRun, operation: NextOperation): Promise<void> {
  if (operation.kind !== 'reconnect') return;
  beginAttempt(run, operation);
  await run.move('Try to revive the account without its owner', (options) =>
    login.reviveLogin.executeWithOptions(options, [run.ref()]),
  );
  if (run.view.state === 'open' && run.view.stepId === null)
    await run.move('Ask the provider to begin the login again', (options) =>
      login.beginLogin.executeWithOptions(options, [run.ref()]),
    );
  await driveAttempt(run);
}

async function disconnect(run: AttemptRun, operation: NextOperation): Promise<void> {
  if (operation.kind !== 'disconnect') return;
  beginAttempt(run, operation);
  await run.move('End the login at the provider', (options) => login.endLogin.executeWithOptions(options, [run.ref()]));
  if (run.view.state === 'ending') await close(run);
}

// Closes an attempt without a run before the newer operation begins.
async function superseded(run: AttemptRun, operation: NextOperation): Promise<void> {
  run.view = { ...withoutOutcome(run.view), attempt: operation.attempt, state: 'ending', reason: 'superseded' };
  await close(run);
}

/** The account is gone from PostgreSQL: nothing is left to move, and callers that wait are answered. */
function removed(run: AttemptRun): Promise<void> {
  run.view = { ...atRest(run.view), attempt: run.awaited, outcome: 'cancelled', reason: 'account_removed' };
  return Promise.resolve();
}

// The reconciler requests again what still fails at the deadline.
async function checkAtRest(run: AttemptRun, operation: NextOperation, causes: string): Promise<void> {
  run.view = { ...atRest(run.view), attempt: operation.attempt };
  if (operation.kind !== 'none') return;
  run.deadline = Date.now() + checkMs;
  if (operation.owes === 'compensation')
    await run.move(because('Delete at the provider what an attempt left there', causes), (options) =>
      closing.compensate.executeWithOptions(options, [run.ref()]),
    );
  else
    await run.move(because(restSummaries[operation.owes], causes), (options) =>
      login.checkAccount.executeWithOptions(options, [run.ref()]),
    );
  if (run.view.wakeInMs !== null) {
    run.causes.add('webhook');
    run.refreshRequested = true;
  }
  // From here on the view says how the check went, not how the newest attempt ended.
  const { state, reason } = run.view;
  const outcome =
    state === 'ending' ? { outcome: 'failed' as const, reason } : { outcome: 'succeeded' as const, reason: null };
  run.view = { ...run.view, ...outcome, state: 'closed' };
}

const restSummaries = {
  check: 'Check the account at the provider',
  nothing: 'See that no check is due',
} as const;

const withoutOutcome = (view: Progress): Progress => ({ ...view, outcome: null, endedStep: null });

const atRest = (view: Progress): Progress => ({
  ...withoutOutcome(view),
  state: 'closed',
  stepId: null,
  kind: null,
  wakeAt: null,
  wakeInMs: null,
  reason: null,
});

function beginAttempt(
  run: AttemptRun,
  operation: Exclude<NextOperation, { kind: 'none' | 'removed' | 'superseded' }>,
): void {
  run.deadline = Date.now() + operation.expiresInMs;
  run.view = { ...atRest(run.view), attempt: operation.attempt, state: 'open' };
}

// A signal or the timer has the provider checked: that also catches a lost webhook and renews a lapsed QR code.
async function driveAttempt(run: AttemptRun): Promise<void> {
  const timer = createResettableTimer();
  while (run.view.state === 'open') {
    const seen = run.view;
    timer.set(seen.wakeAt, seen.wakeInMs, timerText(seen.kind));
    await condition(() => run.refreshRequested || timer.fired || run.view !== seen);
    if (run.view !== seen) continue;
    const causes = run.causes.take() || 'its time has come';
    await run.move(because('Check the login at the provider', causes), (options) => {
      // While this move waited, an answer may have ended the attempt.
      if (run.view.state !== 'open') return Promise.resolve(run.view);
      run.refreshRequested = false;
      return login.checkLogin.executeWithOptions(options, [run.ref()]);
    });
  }
  timer.clear();
  if (run.view.state === 'ending') await close(run);
}

async function close(run: AttemptRun): Promise<void> {
  const reason = run.view.reason ?? 'unexpected';
  if (reason === 'superseded') run.refreshRequested = true;
  run.deadline = Date.now() + closingMs;
  await run.move(`End the attempt: ${reason}`, (options) =>
    closing.closeAttempt.executeWithOptions(options, [{ ...run.ref(), reason }]),
  );
  // The operation that replaces this attempt comes next. An attempt that cannot be closed is left to the reconciler.
  if (reason === 'superseded' && run.view.state === 'closed') run.refreshRequested = true;
  run.view = { ...run.view, state: 'closed' };
}

const checkMs = 10 * 60_000;
const closingMs = 24 * 60 * 60_000;
