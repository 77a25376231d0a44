import { leaseFetches, moveFetches, type DueFetch } from '../../db/queries/media/fetches.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { isPassing } from '../../domain/media.ts';
import type { SweepProgress } from '../../domain/syncs.ts';
import type { Context } from '../context.ts';
import { fetchAttachment } from './fetch-attachment.ts';

/** Files that are leased together. */
const chunk = 40;
const accountsAtOnce = 4;
/** Longer than an activity may take. */
const leaseMs = 45 * 60_000;
/** How long the other files of an account wait after a failure that concerns all of them. */
const pauseMs = 60_000;

interface Fetching {
  /** Files that are due later belong to the next sweep. */
  dueAt: Date;
  now: () => Date;
  /** The sweep's time is over: what is left is due again at once. */
  isOver: () => boolean;
  signal: AbortSignal;
}

/**
 * Leases files that are due and fetches them, those of one account one after the other. The failure of one file or account
 * stops no other. Counts accounts with files, and those of them that failed.
 */
export async function fetchDueMedia(
  context: Context,
  { dueAt, now, isOver, signal }: Fetching,
  leaveFull: boolean,
): Promise<SweepProgress> {
  const until = new Date(now().getTime() + leaseMs);
  const leased = await context.db.system((em) => leaseFetches(em, dueAt, until, chunk));
  const more = leased.length === chunk;
  const move = (files: readonly DueFetch[], at: Date): Promise<void> =>
    context.db.system((em) =>
      moveFetches(
        em,
        files.map(({ id }) => id),
        until,
        at,
      ),
    );
  if (leaveFull && more) {
    await move(leased, dueAt);
    return { more, accounts: 0, failed: 0 };
  }
  const accounts = [...Map.groupBy(leased, ({ accountId }) => accountId).values()];
  const turns = accounts.values();
  let failed = 0;
  const work = async (): Promise<void> => {
    for (const files of turns) {
      const left = await fetchFiles(context, files, now, isOver, signal);
      if (left.pause) failed += 1;
      await move(left.files, left.pause ?? dueAt);
    }
  };
  await Promise.all(Array.from({ length: accountsAtOnce }, work));
  signal.throwIfAborted();
  return { more, accounts: accounts.length, failed };
}

/** Answers the files that were not asked for, and until when they wait where the account failed. */
async function fetchFiles(
  context: Context,
  files: readonly DueFetch[],
  now: () => Date,
  isOver: () => boolean,
  signal: AbortSignal,
): Promise<{ files: readonly DueFetch[]; pause: Date | null }> {
  for (const [n, file] of files.entries()) {
    if (isOver() || signal.aborted) return { files: files.slice(n), pause: null };
    try {
      await fetchAttachment(context, file, 'backfill', now, signal);
    } catch (error) {
      if (signal.aborted) return { files: files.slice(n), pause: null };
      const { accountId: account, tenantId: tenant } = file;
      context.log.info({ account, tenant, err: error }, 'a file could not be fetched');
      const isOfFile = error instanceof ProviderFailure && ['request_refused', 'not_found'].includes(error.code);
      if (isOfFile) continue;
      const waitMs =
        error instanceof ProviderFailure && isPassing(error.code) ? (error.retryAfterMs ?? 0) : 60 * pauseMs;
      return { files: files.slice(n + 1), pause: new Date(now().getTime() + Math.max(waitMs, pauseMs)) };
    }
  }
  return { files: [], pause: null };
}
