import type { ReturnOutcome } from '../../domain/addresses.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { Em } from '../../db/connect.ts';
import type { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { attemptWithStep, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { lockAttempt, type LockedAttempt } from '../../db/queries/attempts/lock-attempt.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import { pollUntil } from '../../platform/poll-until.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { signalConnection } from '../signal.ts';
import { contentOf } from './login/steps.ts';
import { attemptByState, isStateToken, type OAuthRefusal } from './oauth-state.ts';
import { refusalOf } from './start-oauth.ts';

/** How long a browser waits for what came of its login, in seconds. */
const patienceSeconds = 8;

/** What an owner's browser brings back from an authorization page. */
export interface OAuthArrival {
  state: string;
  /** Null: the owner did not agree. */
  code: string | null;
  /** What the browser holds since it began the login there (`stateToken`); empty where it did not. */
  browser: string;
}

/**
 * What came of a login so far. `choice`: the owner must choose an account, in the calling application. `again`: the code
 * did not count, and `url` begins anew. `under_way`: it takes longer than a browser waits.
 */
export interface OAuthEnd {
  went: 'connected' | 'choice' | 'again' | 'declined' | 'failed' | 'under_way';
  outcome: ReturnOutcome;
  /** The address of the calling application for this outcome; undefined where it gave none. */
  redirect: string | undefined;
  /** The name of the account that is connected now. */
  name: string | null;
  /** What the owner should know or do, as the attempt tells it. */
  detail: string | null;
  url: string | null;
}

/**
 * The owner's browser comes back from an authorization page, and waits for what comes of it. A code becomes the answer of
 * the step that led there, and the run exchanges it; a return without one cancels the login. Only the first return with a
 * state counts, and only from the browser that began there: a code that another person's browser was sent with attaches
 * nothing.
 */
export async function returnFromOAuth(
  context: Context,
  provider: string,
  arrival: OAuthArrival,
  gone: AbortSignal,
): Promise<OAuthEnd | OAuthRefusal> {
  const taken = await context.db.system(async (em) => {
    const found = await attemptByState(em, arrival.state);
    if (!found) return 'unknown';
    const locked = await lockAttempt(em, found.accountId, found.number);
    return locked.account.provider === provider ? take(context, em, locked, arrival) : 'unknown';
  });
  if (typeof taken === 'string') return taken;
  await signalConnection(context, taken.account, 'login_page');
  if (arrival.code === null) return { ...ended(taken.attempt, 'declined', 'failure'), detail: null };
  return outcomeOf(context, taken, gone);
}

interface Taken {
  account: AccountRef;
  attempt: ConnectionAttempt;
  stepId: string;
}

async function take(
  { vault, clock }: Context,
  em: Em,
  { account, attempt, step }: LockedAttempt,
  { state, code, browser }: OAuthArrival,
): Promise<Taken | OAuthRefusal> {
  const keys = await vault.keysOf(em, account.tenantId);
  // First: another browser learns nothing of the login.
  if (!isStateToken(keys, state, 'browser', browser)) return 'other_browser';
  const now = clock.now();
  const refused = refusalOf({ attempt, step }, now);
  if (refused || !step) return refused ?? 'used';
  const more = { attempt: attempt.number };
  if (code === null) {
    attempt.cancelRequestedAt = now;
    addTimelineEvent(em, account, now, 'came_back', 'The owner came back from the login page without a login.', more);
  } else {
    step.answerId = newId();
    step.answeredAt = now;
    step.answer = keys.seal(code, sealed.stepAnswer(step.answerId));
    account.checkRequestedAt = now;
    addTimelineEvent(em, account, now, 'called_back', 'The owner came back from the login page with a code.', more);
  }
  return { account: refOf(account), attempt, stepId: step.id };
}

/** Waits until the login has ended, or asks its owner for more. */
async function outcomeOf(context: Context, { account, attempt, stepId }: Taken, gone: AbortSignal): Promise<OAuthEnd> {
  const { tenantId, accountId } = account;
  const read = () =>
    context.db.tenant(tenantId, async (em) => ({
      ...(await attemptWithStep(em, attempt.id)),
      account: await em.findOneOrFail(Account, { id: accountId }),
    }));
  const isKnown = ({ attempt: { state }, step }: AttemptWithStep): boolean =>
    state !== 'running' || (step !== null && step.id !== stepId && step.kind !== 'wait');
  const wait = { tenantId, topics: [changeTopics.attempts(accountId)], seconds: patienceSeconds, gone };
  const now = await pollUntil(context.changes, wait, read, isKnown);
  if (now.attempt.state === 'succeeded') {
    const end = ended(now.attempt, 'connected', 'success');
    // Of a merge it speaks to the calling application.
    return { ...end, name: nameOf(now.account), detail: now.attempt.reason === null ? end.detail : null };
  }
  if (now.attempt.state !== 'running') return ended(now.attempt, 'failed', 'failure');
  if (now.step?.kind === 'choose') return ended(now.attempt, 'choice', 'success');
  if (now.step?.kind !== 'redirect' || now.step.id === stepId) return ended(now.attempt, 'under_way', 'success');
  const content = contentOf(await context.vault.keysOf(context.db, tenantId), now.step);
  const url = content?.kind === 'redirect' ? content.url : null;
  return { ...ended(now.attempt, 'again', 'failure'), url };
}

const ended = ({ redirects, detail }: ConnectionAttempt, went: OAuthEnd['went'], outcome: ReturnOutcome): OAuthEnd => ({
  went,
  outcome,
  redirect: redirects?.[outcome],
  name: null,
  detail,
  url: null,
});

const nameOf = ({ providerConfig, label, identity }: Account): string | null =>
  providerConfig?.account_metadata.display_name ?? label ?? identity;
