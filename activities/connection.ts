import { activityInfo } from '@temporalio/activity';
import type { Context } from '../services/context.ts';
import { actOnStep, pollLogin, type StepActionRef } from '../services/connections/login/act-on-step.ts';
import { beginLogin } from '../services/connections/login/begin-login.ts';
import { checkAccount, reviveLogin } from '../services/connections/login/checks.ts';
import { closeAttempt, type CloseRef, endLogin } from '../services/connections/login/close-attempt.ts';
import { compensate } from '../services/connections/login/compensate.ts';
import { nextOperation } from '../services/connections/login/next-operation.ts';
import type { AttemptRef } from '../domain/attempts.ts';

export const connectionActivities = (context: Context) => ({
  nextOperation: (ref: AttemptRef) => nextOperation(context, ref, activityInfo().workflowExecution?.runId ?? null),
  beginLogin: (ref: AttemptRef) => beginLogin(context, ref),
  reviveLogin: (ref: AttemptRef) => reviveLogin(context, ref),
  actOnStep: (ref: StepActionRef) => actOnStep(context, ref),
  checkLogin: (ref: AttemptRef) => pollLogin(context, ref),
  checkAccount: (ref: AttemptRef) => checkAccount(context, ref),
  closeAttempt: (ref: CloseRef) => closeAttempt(context, ref),
  compensate: (ref: AttemptRef) => compensate(context, ref),
  endLogin: (ref: AttemptRef) => endLogin(context, ref),
});
