import { Account } from '../../db/entities/accounts.ts';
import { attemptWithStep, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import type { Context } from '../context.ts';
import { contentOf } from './login/steps.ts';
import { attemptByState, isStateToken, stateToken, type OAuthRefusal } from './oauth-state.ts';

/** Where a browser goes to log in, and what it must show when it comes back. */
export interface StartedLogin {
  page: string;
  browser: string;
  /** How long that is good for, in milliseconds. */
  forMs: number;
}

/**
 * A browser begins a login by OAuth at the address of its step. Changes nothing, so a preview of the address harms nothing,
 * and another browser can go on where the first one was closed.
 */
export const startOAuth = (
  { db, vault, clock }: Context,
  provider: string,
  { state, start }: { state: string; start: string },
): Promise<StartedLogin | OAuthRefusal> =>
  db.system(async (em) => {
    const found = await attemptByState(em, state);
    if (!found) return 'unknown';
    const keys = await vault.keysOf(em, found.tenantId);
    const account = await em.findOneOrFail(Account, { id: found.accountId });
    if (account.provider !== provider || !isStateToken(keys, state, 'start', start)) return 'unknown';
    const held = await attemptWithStep(em, found.id);
    const refused = refusalOf(held, clock.now());
    if (refused) return refused;
    const content = held.step && contentOf(keys, held.step);
    if (content?.kind !== 'redirect' || content.page === undefined) return 'over';
    const forMs = held.attempt.deadlineAt.getTime() - clock.now().getTime();
    return { page: content.page, browser: stateToken(keys, state, 'browser'), forMs };
  });

/** Why an attempt takes no browser any more; null while it waits for one. */
export function refusalOf({ attempt, step }: AttemptWithStep, now: Date): OAuthRefusal | null {
  if (attempt.state === 'succeeded') return 'used';
  if (attempt.state !== 'running' || attempt.cancelRequestedAt || attempt.deadlineAt <= now) return 'over';
  const isWaiting = step?.kind === 'redirect' && !step.endedAt && !step.answerId;
  return isWaiting ? null : 'used';
}
