import { continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { SweepRef } from '../activities/lease-due-accounts.ts';
import { sumOf, type SweepCounts, type SweepProgress } from '../domain/syncs.ts';
import { inBackfill, sweeps } from './activity-options.ts';

/** Activities of one sweep at the same time. Each works for some minutes: the history grows with time, not with accounts. */
const lanes = 16;

/** The same of counting, which loads PostgreSQL alone. */
const countingLanes = 4;

const nothing: SweepCounts = { accounts: 0, failed: 0 };

/**
 * No account has a workflow of its own. `dueAt`: when the sweep began; accounts due later belong to the next one. `before`:
 * what earlier runs of the same sweep did; the result includes it.
 */
export async function syncAllContacts(dueAt = Date.now(), before = nothing): Promise<SweepCounts> {
  const { more, ...counts } = await inLanes(before, (rest) =>
    sweeps.syncDueContacts.executeWithOptions({ ...inBackfill(), summary: 'Read address books' }, [
      { now: Date.now(), dueAt, ...rest },
    ]),
  );
  if (more) await continueAsNew<typeof syncAllContacts>(dueAt, counts);
  return counts;
}

export async function fetchPictures(dueAt = Date.now(), before = nothing): Promise<SweepCounts> {
  const { more, ...counts } = await inLanes(before, (rest) =>
    sweeps.fetchDuePictures.executeWithOptions({ ...inBackfill(), summary: 'Fetch pictures' }, [
      { now: Date.now(), dueAt, ...rest },
    ]),
  );
  if (more) await continueAsNew<typeof fetchPictures>(dueAt, counts);
  return counts;
}

/** The files of messages. */
export async function fetchMedia(dueAt = Date.now(), before = nothing): Promise<SweepCounts> {
  const { more, ...counts } = await inLanes(before, (rest) =>
    sweeps.fetchDueFiles.executeWithOptions({ ...inBackfill(), summary: 'Fetch files of messages' }, [
      { now: Date.now(), dueAt, ...rest },
    ]),
  );
  if (more) await continueAsNew<typeof fetchMedia>(dueAt, counts);
  return counts;
}

/** Renews the tokens of accounts, and asks the owners of those that end soon. */
export async function refreshTokens(before = nothing): Promise<SweepCounts> {
  const { more, ...counts } = await inLanes(before, (rest) =>
    sweeps.refreshDueTokens.executeWithOptions({ ...inBackfill(), summary: 'Renew tokens' }, [
      { now: Date.now(), ...rest },
    ]),
  );
  if (more) await continueAsNew<typeof refreshTokens>(counts);
  return counts;
}

/** Visits at the same time as others: more activities than places in the buckets of credentials would find none. */
const visitLanes = 8;
/** In milliseconds: how long the first activity works alone, and each of the others; and when a sweep ends, so that the next one begins. */
const visiting = { aloneMs: 15_000, eachMs: 120_000, allMs: 270_000, slowMs: 120_000 };

/**
 * Visits every account that is due: looks for news, at webhooks and at details. It ends before the next one begins: what
 * providers that are slow have left by then belongs to that one.
 */
export async function syncPlatforms(): Promise<SweepCounts> {
  const beganAt = Date.now();
  const [endsAt, slowUntil] = [beganAt + visiting.allMs, beganAt + visiting.slowMs];
  let counts = nothing;
  const work = async (forMs: number): Promise<boolean> => {
    const { more, accounts, failed } = await sweeps.visitDueAccounts.executeWithOptions(
      { ...inBackfill(), summary: 'Visit accounts' },
      [{ beganAt, endsAt, slowUntil, forMs }],
    );
    counts = sumOf(counts, { accounts, failed });
    setCurrentDetails(`So far: ${counts.accounts} accounts, of which ${counts.failed} failed.`);
    return more;
  };
  if (!(await work(visiting.aloneMs))) return counts;
  const lane = async (): Promise<void> => {
    while (Date.now() < endsAt && (await work(visiting.eachMs)));
  };
  await Promise.all(Array.from({ length: visitLanes }, lane));
  return counts;
}

/** Reminds the owners of accounts that wait for them. */
export async function remindOwners(before = nothing): Promise<SweepCounts> {
  const { more, ...counts } = await inLanes(before, (rest) =>
    sweeps.remindDueOwners.executeWithOptions({ ...inBackfill(), summary: 'Remind owners' }, [
      { now: Date.now(), ...rest },
    ]),
  );
  if (more) await continueAsNew<typeof remindOwners>(counts);
  return counts;
}

/** Counts the days of which messages, sends or syncs changed. */
export async function aggregateAnalytics(before = nothing): Promise<SweepCounts> {
  let claimed: { claim: string } | undefined;
  const { more, ...counts } = await inLanes(
    before,
    async () => {
      const { claim, ...progress } = await sweeps.countAnalytics.executeWithOptions(
        { ...inBackfill(), summary: 'Count days that changed' },
        [{ now: Date.now(), ...claimed }],
      );
      claimed ??= { claim };
      return progress;
    },
    countingLanes,
  );
  if (more) await continueAsNew<typeof aggregateAnalytics>(counts);
  return counts;
}

/** One activity; where that leaves something, many at the same time. `more`: a new run must continue. */
async function inLanes(
  before: SweepCounts,
  activity: (rest: Pick<SweepRef, 'isOneOfMany'>) => Promise<SweepProgress>,
  most = lanes,
): Promise<SweepProgress> {
  let counts = before;
  const work = async (rest: Pick<SweepRef, 'isOneOfMany'>): Promise<boolean> => {
    const { more, accounts, failed } = await activity(rest);
    counts = sumOf(counts, { accounts, failed });
    setCurrentDetails(`So far: ${counts.accounts} accounts, of which ${counts.failed} failed.`);
    return more;
  };
  if (!(await work({}))) return { more: false, ...counts };
  let isLeft = true;
  const lane = async (): Promise<void> => {
    while (isLeft && !workflowInfo().continueAsNewSuggested) if (!(await work({ isOneOfMany: true }))) isLeft = false;
  };
  await Promise.all(Array.from({ length: most }, lane));
  return { more: isLeft, ...counts };
}

/** Its result is what each part did, in numbers; the failure of one part stops no other. */
export function maintenance(): ReturnType<Activities['maintain']> {
  return sweeps.maintain.executeWithOptions({ ...inBackfill(), summary: 'Run every part of the maintenance' }, [
    { now: Date.now() },
  ]);
}
