import type { Activities } from '../../activities/activities.ts';
import type { CloseRef } from '../../services/connections/login/close-attempt.ts';
import type { AttemptRef, Progress, NextOperation } from '../../domain/attempts.ts';
import { status } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { progress, skipTime, type Play, type SkippedTime } from './time-skipping.ts';

/**
 * P5: the connection workflow over hours and days. The activities are fakes that log the workflow's time of each call;
 * their work against PostgreSQL and a provider is tested elsewhere. The server supports updates, but neither Schedules
 * nor a list of runs: those are tested on a whole server.
 */
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** One server for each test file. */
export let time: SkippedTime;

/** One skipped test where the machine has no time-skipping server. */
export function withTimeSkipped(title: string, tests: () => void): void {
  const server = process.env.PATCHBAY_TEST_SERVER_PATH;
  if (!server) {
    it.skip(`${title} (there is no time-skipping server on this machine: install Java)`, () => undefined);
    return;
  }
  describe(title, () => {
    beforeAll(async () => {
      time = await skipTime(server);
    }, 120_000);
    afterAll(() => time?.stop());
    tests();
  });
}

interface Entry {
  what: keyof Activities;
  /** Since the run's first activity, in milliseconds of the workflow's time. */
  after: number;
  attempt: number;
  reason?: string;
}

/** Fake activities of one account whose requested operations are served in order. */
export function fakeActivities(operations: Exclude<NextOperation, { kind: 'none' }>[]) {
  const callLog: Entry[] = [];
  const open = [...operations];
  let began: number | null = null;
  const logCall = (what: keyof Activities, ref: AttemptRef): number => {
    began ??= ref.now;
    const after = ref.now - began;
    const reason = (ref as Partial<CloseRef>).reason;
    callLog.push({ what, after, attempt: ref.attempt, ...(reason ? { reason } : {}) });
    return after;
  };
  const nextOperation = (ref: AttemptRef): Promise<NextOperation> => {
    logCall('nextOperation', ref);
    return Promise.resolve(open[0] ?? { kind: 'none', attempt: operations.at(-1)?.attempt ?? 0, owes: 'nothing' });
  };
  /** Ends the present attempt, as the transaction of an activity would. */
  const end = (attempt: number, accountState: string): Progress => {
    const [first] = open;
    if (first?.attempt === attempt) open.shift();
    return progress(attempt, { state: 'closed', accountState, kind: accountState === 'active' ? 'done' : 'failed' });
  };
  const closeAttempt = (ref: CloseRef): Promise<Progress> => {
    logCall('closeAttempt', ref);
    return Promise.resolve(end(ref.attempt, 'failed'));
  };
  const checkAccount = (ref: AttemptRef): Promise<Progress> => {
    logCall('checkAccount', ref);
    return Promise.resolve(progress(ref.attempt, { state: 'closed', accountState: 'active' }));
  };
  return {
    callLog,
    logCall,
    end,
    request: (operation: (typeof operations)[number]): void => void open.push(operation),
    /** The names of the called activities, in order. */
    asked: (): string[] => callLog.map(({ what }) => what),
    common: { nextOperation, closeAttempt, checkAccount },
  };
}

export const input = ({ accountId }: Play) => ({ tenantId: 'tenant', accountId });
export const start = (play: Play) =>
  time.env.client.workflow.start('connection', {
    taskQueue: play.taskQueue,
    workflowId: play.workflowId,
    args: [input(play)],
  });
/** Runs to the end; time is skipped meanwhile. */
export const run = async (play: Play): Promise<void> => (await start(play)).result();

export const connectOperation = (expiresInMs: number, attempt = 1) => ({
  kind: 'connect' as const,
  attempt,
  expiresInMs,
});
/** A step that must be checked at `inMs` from now. */
export const waiting = (ref: AttemptRef, stepId: string, inMs: number, more: Partial<Progress> = {}): Progress =>
  progress(ref.attempt, { stepId, kind: 'qr', wakeAt: ref.now + inMs, wakeInMs: inMs, ...more });
export const answerOf = (stepId: string, answerId: string) => ({ stepId, action: 'answer' as const, answerId });
export async function atFirstStep(play: Play) {
  const handle = await start(play);
  await eventually('the first step', async () => (await handle.query(status)).stepId);
  return handle;
}
export const refusedAs = (type: string) => ({ name: 'WorkflowUpdateFailedError', cause: { type } });

/** The server reports a retry only when it was deferred, not when it was due. */
export const serverTime = (): Promise<number> => time.env.currentTimeMs();
export const between = (moments: number[]): number[] => moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
/** A server whose time jumps is a little late, and never early. */
export const within = (ms: number) =>
  ({ asymmetricMatch: (found: number) => found >= ms - 50 && found < ms + 30_000 }) as any;
