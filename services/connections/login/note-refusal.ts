import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import type { AttemptRef } from '../../../domain/attempts.ts';
import { failureRow, ProviderFailure, type FailureCode } from '../../../domain/failures.ts';
import type { Context } from '../../context.ts';
import { withAttempt } from './attempt-tx.ts';

/** Failures after which the login goes on: another try, or another answer. */
const goesOn: ReadonlySet<string> = new Set(['retry', 'wait', 'ask_again']);
/** No provider says these. */
const ours: ReadonlySet<string> = new Set<FailureCode>(['superseded', 'cancelled', 'account_removed']);

/** The answer of a call that a login needs. What a provider refuses for good is told in the account's timeline, in our words. */
export async function notingRefusal<T>(context: Context, ref: AttemptRef, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || ours.has(error.code)) throw error;
    if (goesOn.has(failureRow(error.code).action)) throw error;
    const { code, message } = error;
    await withAttempt(context, ref, ({ em, account, attempt, at }) =>
      addTimelineEvent(em, account, at, 'login_refused', `The login was refused: ${message}`, {
        attempt: attempt.number,
        data: { reason: code },
      }),
    );
    throw error;
  }
}
