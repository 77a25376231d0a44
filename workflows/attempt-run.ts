import {
  ApplicationFailure,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { AttemptRef, Progress } from '../domain/attempts.ts';
import { login } from './activity-options.ts';
import { failureCode } from './failure-code.ts';
import { currentStep, refresh, refusals, status, submitStep, type ConnectionInput, type StepRef } from './messages.ts';

/** The state that the procedures of one run share, and the one function that runs its activities. */
export interface AttemptRun {
  view: Progress;
  refreshRequested: boolean;
  awaited: number;
  /** In the workflow's time, in milliseconds. */
  deadline: number;
  ref(attempt?: number): AttemptRef;
  /** Runs one activity at a time; a permanent failure makes the attempt end. */
  move(summary: string, activity: (options: ActivityOptions) => Promise<Progress>): Promise<void>;
}

export function startAttemptRun(input: ConnectionInput): AttemptRun {
  let busy = false;
  const run: AttemptRun = {
    view: {
      attempt: 0,
      state: 'open',
      stepId: null,
      kind: null,
      wakeAt: null,
      wakeInMs: null,
      reason: null,
      accountState: 'connecting',
    },
    refreshRequested: false,
    awaited: 0,
    deadline: 0,
    ref: (attempt = run.view.attempt) => ({ ...input, attempt, now: Date.now() }),
    async move(summary, activity) {
      // One condition wakes every waiting caller; the first of them takes the turn.
      do await condition(() => !busy);
      while (busy);
      busy = true;
      try {
        run.view = await activity({ summary, scheduleToCloseTimeout: Math.max(run.deadline - Date.now(), 30_000) });
      } catch (error) {
        run.view = { ...run.view, state: 'ending', reason: failureCode(error) };
      } finally {
        busy = false;
      }
      setCurrentDetails(describe(run.view));
    },
  };
  const here = (): StepRef => ({ attempt: run.view.attempt, stepId: run.view.stepId, state: run.view.state });
  const known = (): boolean => run.view.stepId !== null || run.view.state === 'closed';
  const refuse = (type: string, message: string): never => {
    throw ApplicationFailure.nonRetryable(message, type);
  };

  setHandler(status, here);
  setHandler(refresh, () => {
    run.refreshRequested = true;
  });
  setHandler(currentStep, async (attempt) => {
    if (attempt > run.view.attempt) {
      run.refreshRequested = true;
      run.awaited = Math.max(run.awaited, attempt);
    }
    await condition(() => run.view.attempt > attempt || (run.view.attempt === attempt && known()));
    return here();
  });
  setHandler(
    submitStep,
    async (action) => {
      await condition(known);
      if (busy) refuse(refusals.busy, 'An answer is being checked.');
      if (run.view.stepId !== action.stepId || run.view.state !== 'open')
        refuse(refusals.stale, 'The step is no longer current.');
      try {
        await run.move(actionWords[action.action], (options) =>
          login.actOnStep.executeWithOptions(options, [{ ...run.ref(), ...action }]),
        );
      } catch (error) {
        if (isCancellation(error)) refuse(refusals.stale, 'The run was cancelled.');
        throw error;
      }
      return here();
    },
    {
      validator: ({ stepId }) => {
        if (busy && run.view.stepId !== null) refuse(refusals.busy, 'An answer is being checked.');
        if (run.view.stepId !== null && run.view.stepId !== stepId)
          refuse(refusals.stale, 'The step is no longer current.');
      },
    },
  );
  return run;
}

const actionWords = {
  answer: 'The owner answered the step',
  resend: 'The owner asked for the code again',
  another_way: 'The owner asked for another way',
} as const;

function describe(view: Progress): string {
  if (view.state === 'open') return `Attempt ${view.attempt} waits at the step "${view.kind}".`;
  return `Attempt ${view.attempt} ended${view.reason ? `: ${view.reason}` : ' well'}. The account is ${view.accountState}.`;
}
