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
import { createCauses, type Causes } from './causes.ts';
import { failureCode } from './failure-code.ts';
import { currentStep, refresh, refusals, status, submitStep, type ConnectionInput, type StepRef } from './messages.ts';

/** The state that the procedures of one run share, and the one function that runs its activities. */
export interface AttemptRun {
  view: Progress;
  refreshRequested: boolean;
  causes: Causes;
  awaited: number;
  /** In the workflow's time, in milliseconds. */
  deadline: number;
  ref(attempt?: number): AttemptRef;
  /** Runs one activity at a time; a permanent failure makes the attempt end. */
  move(summary: string, activity: (options: ActivityOptions) => Promise<Progress>): Promise<void>;
}

/** The step that ended last, with its attempt. */
type LastStep = NonNullable<Progress['endedStep']> & { attempt: number };

export function startAttemptRun(input: ConnectionInput): AttemptRun {
  let busy = false;
  let lastStep: LastStep | null = null;
  const run: AttemptRun = {
    view: {
      attempt: 0,
      state: 'open',
      stepId: null,
      kind: null,
      wakeAt: null,
      wakeInMs: null,
      reason: null,
      outcome: null,
      endedStep: null,
      accountState: 'connecting',
    },
    refreshRequested: false,
    causes: createCauses(),
    awaited: 0,
    deadline: 0,
    ref: (attempt = run.view.attempt) => ({ ...input, attempt, now: Date.now() }),
    async move(summary, activity) {
      // One condition wakes every waiting caller; the first of them takes the turn.
      do await condition(() => !busy);
      while (busy);
      busy = true;
      setCurrentDetails(describe(run, lastStep, `Now: ${summary}`));
      try {
        run.view = await activity({ summary, scheduleToCloseTimeout: Math.max(run.deadline - Date.now(), 30_000) });
      } catch (error) {
        run.view = { ...run.view, state: 'ending', reason: failureCode(error) };
      } finally {
        busy = false;
      }
      const { attempt, endedStep } = run.view;
      if (endedStep) lastStep = { attempt, ...endedStep };
      setCurrentDetails(describe(run, lastStep, `Last: ${summary}`));
    },
  };
  const here = (): StepRef => ({ attempt: run.view.attempt, stepId: run.view.stepId, state: run.view.state });
  const known = (): boolean => run.view.stepId !== null || run.view.state === 'closed';
  const refuse = (type: string, message: string): never => {
    throw ApplicationFailure.nonRetryable(message, type);
  };

  setHandler(status, here);
  setHandler(refresh, (cause = 'operator') => {
    run.causes.add(cause);
    run.refreshRequested = true;
  });
  setHandler(currentStep, async (attempt) => {
    if (attempt > run.view.attempt) {
      run.causes.add('api');
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

/** For the Temporal UI: what the run does, how its attempt stands, and what asked it to look. */
function describe({ view, causes }: AttemptRun, step: LastStep | null, move: string): string {
  const { attempt } = view;
  const lines = [move];
  if (step?.attempt === attempt) lines.push(`The step "${step.kind}" ended: ${step.outcome ?? 'without an answer'}.`);
  if (view.state === 'open' && view.kind !== null) lines.push(`Attempt ${attempt} waits at the step "${view.kind}".`);
  if (view.state === 'ending') lines.push(`Reason to end: ${view.reason}.`);
  if (view.outcome) lines.push(`Attempt ${attempt} ${view.outcome}${view.reason ? `: ${view.reason}` : ''}.`);
  lines.push(`The account is ${view.accountState}.`);
  if (causes.all()) lines.push(`Causes so far: ${causes.all()}.`);
  return lines.join('\n\n');
}
