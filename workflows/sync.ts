import { CancellationScope, isCancellation, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { FailureCode } from '../domain/failures.ts';
import type { SyncProgress } from '../domain/syncs.ts';
import { longReads, details, inBackfill, login } from './activity-options.ts';
import { createCauses } from './causes.ts';
import { failureCode } from './failure-code.ts';
import { refresh, type StartSyncsInput, type SyncScopeInput, type SyncDetailsInput } from './messages.ts';

type SyncResult = Omit<SyncProgress, 'more'>;

export function syncDetails(input: SyncDetailsInput): Promise<SyncResult> {
  const ref = () => ({ ...input, now: Date.now() });
  return untilDone(
    () =>
      details.collectDetails.executeWithOptions({ ...inBackfill(), summary: 'Collect the account details' }, [ref()]),
    (reason) => login.giveUpDetails.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/** All progress is in PostgreSQL: the history does not grow with the address book. */
export function syncContacts({ heartbeatSeconds, ...run }: SyncScopeInput): Promise<SyncResult> {
  const ref = () => ({ ...run, now: Date.now() });
  const contacts = longReads(heartbeatSeconds);
  return untilDone(
    () => contacts.syncContacts.executeWithOptions({ ...inBackfill(), summary: 'Read the address book' }, [ref()]),
    (reason) => login.giveUpContacts.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/** The same for conversations and their messages, the newest first. */
export function syncConversations({ heartbeatSeconds, ...run }: SyncScopeInput): Promise<SyncResult> {
  const ref = () => ({ ...run, now: Date.now() });
  const history = longReads(heartbeatSeconds);
  return untilDone(
    () => history.syncConversations.executeWithOptions({ ...inBackfill(), summary: 'Read the conversations' }, [ref()]),
    (reason) => login.giveUpConversations.executeWithOptions({ summary: `Give up: ${reason}` }, [{ ...ref(), reason }]),
  );
}

/** Starts the syncs that a request opened for many accounts. Returns how many were started and refused. */
export async function startSyncs(input: StartSyncsInput): Promise<{ started: number; refused: number }> {
  let refreshRequested = false;
  setHandler(refresh, () => {
    refreshRequested = true;
  });
  const counts = { started: 0, refused: 0 };
  do {
    refreshRequested = false;
    const { started, refused } = await details.startSyncs.executeWithOptions(
      { summary: `Start the syncs of ${input.kind}` },
      [input],
    );
    counts.started += started;
    counts.refused += refused;
    setCurrentDetails(`So far: ${counts.started} started, ${counts.refused} refused.`);
  } while (refreshRequested);
  return counts;
}

/** A trigger during the run repeats the sync: the activity sees it when it closes the run; a later one is a signal. */
async function untilDone(
  work: () => Promise<SyncProgress>,
  giveUp: (reason: FailureCode) => Promise<SyncProgress>,
): Promise<SyncResult> {
  let refreshRequested = false;
  let progress: SyncProgress = { more: true, state: 'running', reason: null, counts: {} };
  const causes = createCauses();
  const show = (): void => setCurrentDetails(describe(progress, causes.all()));
  const take = (next: SyncProgress): void => {
    // A late signal finds no run any more: how the run ended stays.
    const isOver = next.state === 'none' && progress.state !== 'running';
    progress = isOver ? { ...progress, more: false } : next;
    show();
  };
  setHandler(refresh, (cause = 'operator') => {
    refreshRequested = true;
    causes.add(cause);
    show();
  });
  do {
    refreshRequested = false;
    try {
      take(await work());
    } catch (error) {
      if (isCancellation(error)) {
        take(await CancellationScope.nonCancellable(() => giveUp('cancelled')));
        throw error;
      }
      take(await giveUp(failureCode(error)));
    }
  } while (progress.more || refreshRequested);
  const { more: _more, ...result } = progress;
  return result;
}

/** For the Temporal UI. While an activity reads pages, the counts are in its last heartbeat. */
function describe({ state, reason, counts }: SyncProgress, causes: string): string {
  const lines = [`State: ${state}${reason ? ` (${reason})` : ''}.`];
  const counted = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  if (counted.length) lines.push(`So far: ${counted.join(', ')}.`);
  if (causes) lines.push(`Causes so far: ${causes}.`);
  return lines.join('\n\n');
}
