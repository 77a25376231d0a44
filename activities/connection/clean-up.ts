import { tell } from '../../db/account-events.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { clockSkewMs } from '../../domain/budgets.ts';
import type { AttemptRef, Progress } from '../../domain/progress.ts';
import type { AccountView } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import { connectionTo, withAttempt } from './rows.ts';
import { progressOf } from './steps.ts';
import { nameStrays } from './strays.ts';

/** Attempts that left something: to delete at the provider, or to look for there. */
export const leftOver = [{ undo: { $ne: [] } }, { intentAt: { $ne: null }, providerAccountId: null }];

/** Deletes at the provider everything that the account's ended attempts left there. */
export const cleanUp =
  (deps: Deps) =>
  async (ref: AttemptRef): Promise<Progress> => {
    const left = await deps.db.tenant(ref.tenantId, (em) =>
      em.find(
        ConnectionAttempt,
        { accountId: ref.accountId, state: { $ne: 'running' }, $or: leftOver },
        { orderBy: { number: 'asc' } },
      ),
    );
    for (const { number } of left) await cleanUpAttempt(deps, { ...ref, attempt: number });
    return withAttempt(deps, ref, (held) => progressOf(held));
  };

/** Works off one attempt's undo list; each id leaves it when the provider says that it is gone. */
export async function cleanUpAttempt(deps: Deps, ref: AttemptRef): Promise<void> {
  await nameStrays(deps, ref);
  const { undo, state, method, startedAt } = await withAttempt(deps, ref, ({ attempt }) => attempt);
  if (state === 'running') return;
  for (const upstream of undo) {
    const { provider, call } = await withAttempt(deps, ref, ({ em, account, at }) =>
      connectionTo(deps, em, account, at, upstream),
    );
    // Named by a page's callback, not made by a call of ours: only what is younger than the attempt can be its doing.
    const ours = method !== 'hosted' || madeSince(await provider.login.look(call), startedAt);
    if (ours) await provider.login.revoke(call);
    await withAttempt(deps, ref, ({ em, account, attempt, at }) => {
      attempt.undo = attempt.undo.filter((id) => id !== upstream);
      const [kind, text] = ours ? words.deleted : words.left;
      tell(em, account, at, kind, text, { attempt: attempt.number, data: { provider_account_id: upstream } });
    });
  }
}

const words = {
  deleted: ['cleaned_up', 'What the attempt had made at the provider was deleted.'],
  left: ['suspected_orphan', 'An account at the provider may stem from this attempt; it is older, so it was left.'],
} as const;

const madeSince = ({ createdAt }: AccountView, start: Date): boolean =>
  createdAt !== null && createdAt >= start.getTime() - clockSkewMs;
