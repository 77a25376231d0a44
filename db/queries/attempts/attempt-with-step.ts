import type { Em } from '../../connect.ts';
import { ConnectionAttempt, ConnectionStep } from '../../entities/attempts.ts';

/** An attempt with its current step; no step before the first one. */
export interface AttemptWithStep {
  attempt: ConnectionAttempt;
  step: ConnectionStep | null;
}

/** The newest attempt of an account; null before the first. */
export async function newestAttempt(em: Em, accountId: string): Promise<AttemptWithStep | null> {
  const attempt = await em.findOne(ConnectionAttempt, { accountId }, { orderBy: { number: 'desc' } });
  return attempt && { attempt, step: await stepOf(em, attempt) };
}

/** The attempt of an id. Throws when there is none. */
export async function attemptWithStep(em: Em, attemptId: string): Promise<AttemptWithStep> {
  const attempt = await em.findOneOrFail(ConnectionAttempt, { id: attemptId });
  return { attempt, step: await stepOf(em, attempt) };
}

/** The current step of an attempt; null before the first. */
export const stepOf = async (em: Em, { currentStepId }: ConnectionAttempt): Promise<ConnectionStep | null> =>
  currentStepId ? em.findOneOrFail(ConnectionStep, { id: currentStepId }) : null;
