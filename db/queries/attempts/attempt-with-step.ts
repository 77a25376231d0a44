import type { Em } from '../../connect.ts';
import { ConnectionAttempt, ConnectionStep } from '../../entities/attempts.ts';

export interface AttemptWithStep {
  attempt: ConnectionAttempt;
  step: ConnectionStep | null;
}

export async function newestAttempt(em: Em, accountId: string): Promise<AttemptWithStep | null> {
  const attempt = await em.findOne(ConnectionAttempt, { accountId }, { orderBy: { number: 'desc' } });
  return attempt && { attempt, step: await stepOf(em, attempt) };
}

export async function attemptWithStep(em: Em, attemptId: string): Promise<AttemptWithStep> {
  const attempt = await em.findOneOrFail(ConnectionAttempt, { id: attemptId });
  return { attempt, step: await stepOf(em, attempt) };
}

export const stepOf = async (em: Em, { currentStepId }: ConnectionAttempt): Promise<ConnectionStep | null> =>
  currentStepId ? em.findOneOrFail(ConnectionStep, { id: currentStepId }) : null;
