import { addTimelineEvent } from '../../../db/queries/accounts/timeline.ts';
import { ConnectionAttempt } from '../../../db/entities/attempts.ts';
import { type AttemptRef, clockSkewMs, type Progress } from '../../../domain/attempts.ts';
import type { AccountView, LoginInput, Provider, ProviderCall, UnconfirmedLogin } from '../../../providers/provider.ts';
import type { Context } from '../../context.ts';
import { connectionTo, isUnclear, loginInput, withAttempt } from './attempt-tx.ts';
import { progressOf } from './steps.ts';
import { knownLogins } from '../../../db/queries/accounts/known-logins.ts';

/** Attempts that may have left an account at the provider: a recorded one, or one to search for. */
export const needsCompensation = [{ undo: { $ne: [] } }, { intentAt: { $ne: null }, providerAccountId: null }];

/** Deletes at the provider everything that the account's ended attempts left there. */
export async function compensate(context: Context, ref: AttemptRef): Promise<Progress> {
  const left = await context.db.tenant(ref.tenantId, (em) =>
    em.find(
      ConnectionAttempt,
      { accountId: ref.accountId, state: { $ne: 'running' }, $or: needsCompensation },
      { orderBy: { number: 'asc' } },
    ),
  );
  for (const { number } of left) await compensateAttempt(context, { ...ref, attempt: number });
  return withAttempt(context, ref, (tx) => progressOf(tx));
}

/** Deletes what one ended attempt left. An id leaves the undo list once the provider confirms that it is gone. */
export async function compensateAttempt(context: Context, ref: AttemptRef): Promise<void> {
  await reportOrphanedAccounts(context, ref);
  const { undo, state, method, startedAt } = await withAttempt(context, ref, ({ attempt }) => attempt);
  if (state === 'running') return;
  for (const upstream of undo) {
    const { provider, call } = await withAttempt(context, ref, ({ em, account, at }) =>
      connectionTo(context, em, account, at, upstream),
    );
    // A login page's callback named this id, and callbacks can be forged: delete only what is younger than the attempt.
    const ours = method !== 'hosted' || madeSince(await provider.login.check(call), startedAt);
    if (ours) await provider.login.revoke(call);
    await withAttempt(context, ref, ({ em, account, attempt, at }) => {
      attempt.undo = attempt.undo.filter((id) => id !== upstream);
      const [kind, text] = ours ? outcomes.deleted : outcomes.left;
      addTimelineEvent(em, account, at, kind, text, {
        attempt: attempt.number,
        data: { provider_account_id: upstream },
      });
    });
  }
}

const outcomes = {
  deleted: ['cleaned_up', 'The account that the attempt had made at the provider was deleted.'],
  left: [
    'suspected_orphan',
    'This attempt named an account at the provider that is older than the attempt. It was not deleted.',
  ],
} as const;

const madeSince = ({ createdAt }: AccountView, start: Date): boolean =>
  createdAt !== null && createdAt >= start.getTime() - clockSkewMs;

/** Logins that may have been made since `since` (epoch milliseconds) and that neither an account nor an attempt records. */
export async function findUnknownLogins(
  context: Context,
  provider: Provider,
  call: ProviderCall,
  input: LoginInput,
  since: number,
): Promise<UnconfirmedLogin[]> {
  const found = await provider.login.findUnconfirmedLogins?.(call, input, since - clockSkewMs);
  if (!found?.length) return [];
  const ids = found.map(({ providerAccountId }) => providerAccountId);
  const known = await context.db.system((em) => knownLogins(em, ids));
  return found.filter(({ providerAccountId }) => !known.has(providerAccountId));
}

/**
 * For an attempt that ended while its outcome at the provider was unknown: the answer to its beginning was lost, or its
 * login page never called back. Names the unknown accounts that it may have made in the timeline, for the operator to
 * import or delete. Deletes nothing: no attempt has recorded these ids.
 */
async function reportOrphanedAccounts(context: Context, ref: AttemptRef): Promise<void> {
  const start = await withAttempt(context, ref, async (tx) => {
    const { em, account, attempt, at } = tx;
    if (attempt.state === 'running' || !isUnclear(attempt)) return null;
    const connection = await connectionTo(context, em, account, at, null);
    return { ...connection, input: loginInput(context, tx, connection), since: attempt.startedAt.getTime() };
  });
  if (!start) return;
  const { provider, call, input, since } = start;
  const found = await findUnknownLogins(context, provider, call, input, since);
  await withAttempt(context, ref, ({ em, account, attempt, at }) => {
    attempt.intentAt = null;
    attempt.input = null;
    if (found.length)
      addTimelineEvent(
        em,
        account,
        at,
        'suspected_orphan',
        'The provider has accounts that this attempt may have made.',
        {
          attempt: attempt.number,
          data: { provider_account_ids: found.map((one) => one.providerAccountId) },
        },
      );
  });
}
