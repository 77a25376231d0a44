import { WithStartWorkflowOperation } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { Activities } from '../../activities/activities.ts';
import type { CloseRef } from '../../activities/connection/close-attempt.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { AttemptRef, Progress, Wish } from '../../domain/progress.ts';
import { searchAttributes } from '../../domain/search-attributes.ts';
import { currentStep, lookAgain, refusals, standing, submitStep } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { progress, skipTime, type Play, type SkippedTime } from './time-skipping.ts';

/*
 * P5: the connection workflow where hours and days pass. The activities are written by hand and keep a journal of the
 * workflow's time at which they were asked; what they do against PostgreSQL and a provider is tested elsewhere.
 */
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const server = process.env.PATCHBAY_TEST_SERVER_PATH;
let time: SkippedTime;

interface Entry {
  what: keyof Activities;
  /** Since the run's first activity, in milliseconds of the workflow's time. */
  after: number;
  attempt: number;
  reason?: string;
}

/** One account whose wishes are served in order: taken, then ended by `closed`. */
function world(wishes: Exclude<Wish, { kind: 'none' }>[]) {
  const journal: Entry[] = [];
  const open = [...wishes];
  let began: number | null = null;
  const note = (what: keyof Activities, ref: AttemptRef): number => {
    began ??= ref.now;
    const after = ref.now - began;
    const reason = (ref as Partial<CloseRef>).reason;
    journal.push({ what, after, attempt: ref.attempt, ...(reason ? { reason } : {}) });
    return after;
  };
  const takeWish = (ref: AttemptRef): Promise<Wish> => {
    note('takeWish', ref);
    return Promise.resolve(open[0] ?? { kind: 'none', attempt: wishes.at(-1)?.attempt ?? 0, owes: 'nothing' });
  };
  /** Ends the attempt in hand, as the transaction of an activity would. */
  const end = (attempt: number, accountState: string): Progress => {
    const [first] = open;
    if (first?.attempt === attempt) open.shift();
    return progress(attempt, { state: 'closed', accountState, kind: accountState === 'active' ? 'done' : 'failed' });
  };
  const closeAttempt = (ref: CloseRef): Promise<Progress> => {
    note('closeAttempt', ref);
    return Promise.resolve(end(ref.attempt, 'failed'));
  };
  const lookAtAccount = (ref: AttemptRef): Promise<Progress> => {
    note('lookAtAccount', ref);
    return Promise.resolve(progress(ref.attempt, { state: 'closed', accountState: 'active' }));
  };
  return {
    journal,
    note,
    end,
    wish: (wish: (typeof wishes)[number]): void => void open.push(wish),
    /** The names of what was asked, in order. */
    asked: (): string[] => journal.map(({ what }) => what),
    common: { takeWish, closeAttempt, lookAtAccount },
  };
}

const input = ({ accountId }: Play) => ({ tenantId: 'tenant', accountId });
const start = (play: Play) =>
  time.env.client.workflow.start('connection', {
    taskQueue: play.taskQueue,
    workflowId: play.workflowId,
    args: [input(play)],
  });
/** Runs to the end; time is skipped meanwhile. */
const run = async (play: Play): Promise<void> => (await start(play)).result();

const connectWish = (expiresInMs: number, attempt = 1) => ({ kind: 'connect' as const, attempt, expiresInMs });
/** A step that must be looked at `inMs` from now. */
const waiting = (ref: AttemptRef, stepId: string, inMs: number, more: Partial<Progress> = {}): Progress =>
  progress(ref.attempt, { stepId, kind: 'qr', wakeAt: ref.now + inMs, wakeInMs: inMs, ...more });
const answerOf = (stepId: string, answerId: string) => ({ stepId, action: 'answer' as const, answerId });
/** A started run that has come to its first step. */
async function atFirstStep(play: Play) {
  const handle = await start(play);
  await eventually('the first step', async () => (await handle.query(standing)).stepId);
  return handle;
}
const refusedAs = (type: string) => ({ name: 'WorkflowUpdateFailedError', cause: { type } });

/** The server's time; it says of a try only when it was put off, not when it was due. */
const serverTime = (): Promise<number> => time.env.currentTimeMs();
const between = (moments: number[]): number[] => moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
/** That long; a server whose time jumps is a little late, and never early. */
const within = (ms: number) => ({ asymmetricMatch: (found: number) => found >= ms - 50 && found < ms + 30_000 }) as any;

const tests = (): void => {
  beforeAll(async () => {
    time = await skipTime(server ?? '');
  }, 120_000);
  afterAll(() => time?.stop());

  describe('an attempt and its deadline', () => {
    it('ends an attempt that nobody finishes at its deadline, days later, with the named reason', async () => {
      const { journal, asked, note, common } = world([connectWish(3 * day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', 3 * day, { kind: 'redirect' }));
          },
          lookAtLogin: (ref) => {
            note('lookAtLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
          },
        },
        run,
      );
      expect(asked()).toEqual(['takeWish', 'beginLogin', 'lookAtLogin', 'closeAttempt']);
      expect(journal.at(-1)).toMatchObject({ attempt: 1, reason: 'deadline_passed' });
      expect(journal[2]?.after).toBeGreaterThanOrEqual(3 * day);
      expect(journal[2]?.after).toBeLessThan(3 * day + minute);
    });

    it('renews a QR code each time it lapses, until the deadline', async () => {
      const { journal, note, common } = world([connectWish(10 * minute)]);
      let codes = 1;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'code-1', minute));
          },
          lookAtLogin: (ref) => {
            if (note('lookAtLogin', ref) >= 10 * minute)
              return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
            codes += 1;
            return Promise.resolve(waiting(ref, `code-${codes}`, minute));
          },
        },
        run,
      );
      const looks = journal.filter(({ what }) => what === 'lookAtLogin').map(({ after }) => Math.floor(after / minute));
      expect(looks).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(codes).toBe(10);
      expect(journal.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'deadline_passed' });
    });

    it('counts a scan that the look at the deadline finds: nothing is closed or cleaned', async () => {
      const { asked, note, end, common } = world([connectWish(day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          lookAtLogin: (ref) => {
            note('lookAtLogin', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        run,
      );
      expect(asked()).toEqual(['takeWish', 'beginLogin', 'lookAtLogin']);
    });

    it('counts a scan that came between the look at the deadline and the clean-up', async () => {
      const { asked, note, end, common } = world([connectWish(day)]);
      const handle = await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          lookAtLogin: (ref) => {
            note('lookAtLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
          },
          closeAttempt: (ref) => {
            note('closeAttempt', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        async (play) => {
          const started = await start(play);
          await started.result();
          return started;
        },
      );
      expect(asked()).toEqual(['takeWish', 'beginLogin', 'lookAtLogin', 'closeAttempt']);
      const { typedSearchAttributes: found } = await handle.describe();
      expect(found.get(searchAttributes.state)).toBe('active');
    });
  });

  describe('what a provider makes it wait for', () => {
    it('waits the hours that the provider asks for, and no less', async () => {
      const { note, end, common } = world([connectWish(2 * day)]);
      const tries: number[] = [];
      await time.play(
        {
          ...common,
          beginLogin: async (ref) => {
            note('beginLogin', ref);
            tries.push(await serverTime());
            if (tries.length === 1)
              throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 5 * hour });
            return end(ref.attempt, 'active');
          },
        },
        run,
      );
      expect(between(tries)).toEqual([within(5 * hour)]);
    });

    it('gives up at the deadline when the provider asks for longer, with the provider’s reason', async () => {
      const { journal, asked, note, common } = world([connectWish(8 * hour)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 5 * hour });
          },
        },
        run,
      );
      expect(asked().at(-1)).toBe('closeAttempt');
      expect(journal.at(-1)).toMatchObject({ reason: 'rate_limited' });
      expect(journal.at(-1)?.after).toBeLessThanOrEqual(8 * hour + minute);
    });

    it('asks a provider that is down again after ever longer pauses, of 20 seconds at most', async () => {
      const { note, end, common } = world([connectWish(day)]);
      const tries: number[] = [];
      await time.play(
        {
          ...common,
          beginLogin: async (ref) => {
            note('beginLogin', ref);
            tries.push(await serverTime());
            if (tries.length < 10) throw new ProviderFailure('provider_unavailable', 'Down.');
            return end(ref.attempt, 'active');
          },
        },
        run,
      );
      expect(between(tries)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000].map(within));
    });

    it('does not ask again what the provider refused for good', async () => {
      const { journal, asked, note, common } = world([connectWish(day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            throw new ProviderFailure('wrong_credentials', 'Refused.');
          },
        },
        run,
      );
      expect(asked()).toEqual(['takeWish', 'beginLogin', 'closeAttempt']);
      expect(journal.at(-1)).toMatchObject({ reason: 'wrong_credentials' });
    });

    it('keeps trying to close an attempt for a day, then ends: the reconciler owes the rest', async () => {
      const { note, common } = world([connectWish(hour)]);
      let tries = 0;
      let lastAt = 0;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            throw new ProviderFailure('wrong_credentials', 'Refused.');
          },
          closeAttempt: async (ref) => {
            note('closeAttempt', ref);
            tries += 1;
            lastAt = (await serverTime()) - ref.now;
            throw new ProviderFailure('rate_limited', 'Down.', { retryAfterMs: 7 * hour });
          },
        },
        run,
      );
      expect(tries).toBe(4);
      expect(lastAt).toBeLessThanOrEqual(day);
    });
  });

  describe('answers', () => {
    /** A login that asks for a code; `123456` is right. Gives the code's step for two hours. */
    const asksForCode = ({ note, end }: ReturnType<typeof world>): Partial<Activities> => ({
      beginLogin: (ref) => {
        note('beginLogin', ref);
        return Promise.resolve(waiting(ref, 'code-1', 2 * hour, { kind: 'code' }));
      },
      lookAtLogin: (ref) => {
        note('lookAtLogin', ref);
        return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'checkpoint_expired' }));
      },
      actOnStep: (ref) => {
        note('actOnStep', ref);
        if (ref.answerId === 'right') return Promise.resolve(end(ref.attempt, 'active'));
        return Promise.resolve(waiting(ref, 'code-2', 2 * hour, { kind: 'code' }));
      },
    });

    it('takes an answer an hour later; a wrong one leads to a new step with a time of its own', async () => {
      const story = world([connectWish(day)]);
      await time.play({ ...story.common, ...asksForCode(story) }, async (play) => {
        // As the API asks: the update starts the run and is answered by its first step.
        const startWorkflowOperation = new WithStartWorkflowOperation('connection', {
          taskQueue: play.taskQueue,
          workflowId: play.workflowId,
          workflowIdConflictPolicy: 'USE_EXISTING',
          args: [input(play)],
        });
        const { workflow } = time.env.client;
        const first = await workflow.executeUpdateWithStart(currentStep, { args: [1], startWorkflowOperation });
        expect(first).toMatchObject({ stepId: 'code-1', state: 'open' });
        const handle = await startWorkflowOperation.workflowHandle();
        await time.env.sleep(hour);
        const wrong = await handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'wrong')] });
        expect(wrong).toMatchObject({ stepId: 'code-2', state: 'open' });
        await time.env.sleep(90 * minute);
        // Past the first step's end, before the second one's: only the second one's alarm counts.
        expect(await handle.query(standing)).toMatchObject({ stepId: 'code-2', state: 'open' });
        const right = await handle.executeUpdate(submitStep, { args: [answerOf('code-2', 'right')] });
        expect(right.state).toBe('closed');
        await handle.result();
      });
      expect(story.asked()).toEqual(['takeWish', 'beginLogin', 'actOnStep', 'actOnStep']);
    });

    it('refuses an answer to a step that is over, and the step still lapses at its time', async () => {
      const story = world([connectWish(day)]);
      await time.play({ ...story.common, ...asksForCode(story) }, async (play) => {
        const handle = await atFirstStep(play);
        const late = handle.executeUpdate(submitStep, { args: [answerOf('code-0', 'right')] });
        await expect(late).rejects.toMatchObject(refusedAs(refusals.stale));
        await handle.result();
      });
      expect(story.journal.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'checkpoint_expired' });
      expect(story.journal.at(-1)?.after).toEqual(within(2 * hour));
    });

    it('refuses a second answer while one is being checked', async () => {
      const story = world([connectWish(day)]);
      const checked = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const slow: Partial<Activities> = {
        ...asksForCode(story),
        actOnStep: async (ref) => {
          begun.resolve();
          await checked.promise;
          return story.end(ref.attempt, 'active');
        },
      };
      await time.play({ ...story.common, ...slow }, async (play) => {
        const handle = await atFirstStep(play);
        const first = handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'one')] });
        await begun.promise;
        const second = handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'two')] });
        await expect(second).rejects.toMatchObject(refusedAs(refusals.busy));
        checked.resolve();
        expect((await first).state).toBe('closed');
        await handle.result();
      });
    });
  });

  describe('what comes between', () => {
    it('takes up a newer wish in the middle of a login, once the older attempt is closed', async () => {
      const story = world([connectWish(day)]);
      const { journal, note, end, common, wish } = story;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          lookAtLogin: (ref) => {
            note('lookAtLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'superseded' }));
          },
          endLogin: (ref) => {
            note('endLogin', ref);
            return Promise.resolve(end(ref.attempt, 'disconnected'));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(4 * hour);
          wish({ kind: 'disconnect', attempt: 2, expiresInMs: hour });
          await handle.signal(lookAgain);
          await handle.result();
        },
      );
      expect(journal.map(({ what, attempt, reason }) => [what, attempt, reason])).toEqual([
        ['takeWish', 0, undefined],
        ['beginLogin', 1, undefined],
        ['lookAtLogin', 1, undefined],
        ['closeAttempt', 1, 'superseded'],
        ['takeWish', 0, undefined],
        ['endLogin', 2, undefined],
      ]);
      expect(journal[2]?.after).toEqual(within(4 * hour));
    });

    it('closes an attempt that was replaced while nobody moved it', async () => {
      const { journal, note, end, common } = world([{ kind: 'superseded', attempt: 1 }, connectWish(hour, 2)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        run,
      );
      expect(journal.map(({ what, attempt }) => [what, attempt])).toEqual([
        ['takeWish', 0],
        ['closeAttempt', 1],
        ['takeWish', 0],
        ['beginLogin', 2],
      ]);
    });

    it('closes an attempt whose owner cancelled it, without waiting for its deadline', async () => {
      const { journal, note, common } = world([connectWish(3 * day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', 3 * day));
          },
          lookAtLogin: (ref) => {
            note('lookAtLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'cancelled' }));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(day);
          await handle.signal(lookAgain);
          await handle.result();
        },
      );
      expect(journal.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'cancelled' });
      expect(journal.at(-1)?.after).toEqual(within(day));
    });

    it('leaves the wish open when an operator cancels the run; the next run takes it up where it stands', async () => {
      const { asked, note, end, common } = world([connectWish(3 * day)]);
      let begun = 0;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            begun += 1;
            return Promise.resolve(begun === 1 ? waiting(ref, 'step-1', 3 * day) : end(ref.attempt, 'active'));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(day);
          await handle.cancel();
          await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
          await run(play);
        },
      );
      expect(asked()).toEqual(['takeWish', 'beginLogin', 'takeWish', 'beginLogin']);
    });

    it('keeps its timer through news that change nothing', async () => {
      const { asked, note, end, common } = world([connectWish(day)]);
      let lapse = 0;
      const history = await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            note('beginLogin', ref);
            lapse = ref.now + day;
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          lookAtLogin: (ref) => {
            const after = note('lookAtLogin', ref);
            if (after >= day) return Promise.resolve(end(ref.attempt, 'active'));
            return Promise.resolve(
              progress(ref.attempt, { stepId: 'step-1', kind: 'qr', wakeAt: lapse, wakeInMs: lapse - ref.now }),
            );
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          for (let news = 0; news < 3; news += 1) {
            await time.env.sleep(hour);
            await handle.signal(lookAgain);
          }
          await handle.result();
          return handle.fetchHistory();
        },
      );
      expect(asked().filter((what) => what === 'lookAtLogin')).toHaveLength(4);
      expect(history.events?.filter((event) => event.timerStartedEventAttributes)).toHaveLength(1);
    });
  });

  describe('at rest', () => {
    it('ends at once when nothing is wished for: no run stays open for weeks', async () => {
      const { asked, common } = world([]);
      const history = await time.play(common, async (play) => {
        const handle = await start(play);
        await handle.result();
        return handle.fetchHistory();
      });
      expect(asked()).toEqual(['takeWish', 'lookAtAccount']);
      expect(history.events?.filter((event) => event.timerStartedEventAttributes)).toEqual([]);
      expect(history.events?.some((event) => event.workflowExecutionContinuedAsNewEventAttributes)).toBe(false);
    });

    it('goes once more for a word that came while it was about to end', async () => {
      const { asked, note, common } = world([]);
      const looked = Promise.withResolvers<void>();
      const told = Promise.withResolvers<void>();
      let looks = 0;
      await time.play(
        {
          ...common,
          lookAtAccount: async (ref) => {
            note('lookAtAccount', ref);
            looks += 1;
            looked.resolve();
            if (looks === 1) await told.promise;
            return progress(ref.attempt, { state: 'closed', accountState: 'active' });
          },
        },
        async (play) => {
          const handle = await start(play);
          await looked.promise;
          await handle.signal(lookAgain);
          told.resolve();
          await handle.result();
        },
      );
      expect(asked()).toEqual(['takeWish', 'lookAtAccount', 'takeWish', 'lookAtAccount']);
    });

    it('rests after ten minutes in which the provider did not answer: the reconciler asks again', async () => {
      const { journal, note, common } = world([]);
      let lastAt = 0;
      await time.play(
        {
          ...common,
          lookAtAccount: async (ref) => {
            note('lookAtAccount', ref);
            lastAt = (await serverTime()) - ref.now;
            throw new ProviderFailure('rate_limited', 'Down.', { retryAfterMs: 3 * minute });
          },
        },
        run,
      );
      expect(journal.filter(({ what }) => what === 'lookAtAccount')).toHaveLength(4);
      expect(lastAt).toEqual(within(9 * minute));
    });

    it('collects details again for a trigger that came meanwhile, and after the pause that the provider asked for', async () => {
      const tries: number[] = [];
      await time.play(
        {
          collectDetails: async () => {
            tries.push(await serverTime());
            if (tries.length === 1)
              throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 6 * hour });
            return tries.length === 2;
          },
        },
        async (play) => {
          const options = { taskQueue: play.taskQueue, workflowId: `sync/${play.workflowId}`, args: [input(play)] };
          await (await time.env.client.workflow.start('syncDetails', options)).result();
        },
      );
      expect(between(tries)).toEqual([within(6 * hour), within(0)]);
    });
  });
};

if (server) describe('P5: with time skipped', tests);
else it.skip('P5: with time skipped (there is no time-skipping server on this machine: install Java)', () => undefined);
