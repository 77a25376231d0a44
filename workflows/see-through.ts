import { condition } from '@temporalio/workflow';
import type { Wish } from '../domain/progress.ts';
import { createAlarm } from './alarm.ts';
import { closing, login } from './activities.ts';
import type { Run } from './run.ts';

/** Takes an attempt in hand: from now on the run speaks of it, and its deadline bounds every step. */
export function takeUp(run: Run, wish: Exclude<Wish, { kind: 'none' | 'superseded' }>): void {
  run.deadline = Date.now() + wish.expiresInMs;
  run.view = { ...run.view, attempt: wish.attempt, state: 'open', stepId: null, kind: null, reason: null };
}

/**
 * Waits at an attempt's steps until it has ended. Answers move it from their handler; a signal, or the alarm of the
 * step, makes the provider be looked at: that also catches a webhook that never came, and renews a lapsed QR code.
 */
export async function seeThrough(run: Run): Promise<void> {
  const alarm = createAlarm('Until the step must be looked at');
  while (run.view.state === 'open') {
    const seen = run.view;
    alarm.set(seen.wakeAt, seen.wakeInMs);
    await condition(() => run.again || alarm.rang || run.view !== seen);
    if (run.view !== seen) continue;
    await run.move('Look how the login stands', (options) => {
      // Between the wish to look and this look an answer may have ended the attempt.
      if (run.view.state !== 'open') return Promise.resolve(run.view);
      run.again = false;
      return login.lookAtLogin.executeWithOptions(options, [run.ref()]);
    });
  }
  alarm.set(null, null);
  if (run.view.state === 'ending') await close(run);
}

/** Ends the attempt with its reason and undoes at the provider what it made there. */
export async function close(run: Run): Promise<void> {
  const reason = run.view.reason ?? 'unexpected';
  // What replaced this attempt is taken up next.
  if (reason === 'superseded') run.again = true;
  run.deadline = Date.now() + closingMs;
  await run.move(`End the attempt: ${reason}`, (options) =>
    closing.closeAttempt.executeWithOptions(options, [{ ...run.ref(), reason }]),
  );
  run.view = { ...run.view, state: 'closed' };
}

const closingMs = 24 * 60 * 60_000;
