import { WithStartWorkflowOperation } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { Activities } from '../../activities/activities.ts';
import type { AttemptRef, Progress } from '../../domain/attempts.ts';
import { currentStep, refresh, refusals, status, submitStep } from '../../workflows/messages.ts';
import {
  answerOf,
  atFirstStep,
  connectOperation,
  day,
  hour,
  input,
  minute,
  refusedAs,
  run,
  start,
  time,
  waiting,
  within,
  withTimeSkipped,
  fakeActivities,
} from './scenario.ts';
import { progress } from './time-skipping.ts';

withTimeSkipped('P5, with time skipped: what people do meanwhile', () => {
  describe('answers', () => {
    /** A login that asks for a code; the answer `right` is accepted. The code's step lasts two hours. */
    const asksForCode = ({ logCall, end }: ReturnType<typeof fakeActivities>): Partial<Activities> => ({
      beginLogin: (ref) => {
        logCall('beginLogin', ref);
        return Promise.resolve(waiting(ref, 'code-1', 2 * hour, { kind: 'code' }));
      },
      checkLogin: (ref) => {
        logCall('checkLogin', ref);
        return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'checkpoint_expired' }));
      },
      actOnStep: (ref) => {
        logCall('actOnStep', ref);
        if (ref.answerId === 'right') return Promise.resolve(end(ref.attempt, 'active'));
        return Promise.resolve(waiting(ref, 'code-2', 2 * hour, { kind: 'code' }));
      },
    });

    it('accepts an answer an hour later; a wrong one leads to a new step with its own expiry', async () => {
      const fakes = fakeActivities([connectOperation(day)]);
      await time.play({ ...fakes.common, ...asksForCode(fakes) }, async (play) => {
        // As the API does: the update starts the run and returns its first step.
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
        // Past the first step's end, before the second one's: only the second one's timer counts.
        expect(await handle.query(status)).toMatchObject({ stepId: 'code-2', state: 'open' });
        const right = await handle.executeUpdate(submitStep, { args: [answerOf('code-2', 'right')] });
        expect(right.state).toBe('closed');
        await handle.result();
      });
      expect(fakes.asked()).toEqual(['nextOperation', 'beginLogin', 'actOnStep', 'actOnStep']);
    });

    it('refuses an answer to an ended step, and the step still lapses at its time', async () => {
      const fakes = fakeActivities([connectOperation(day)]);
      await time.play({ ...fakes.common, ...asksForCode(fakes) }, async (play) => {
        const handle = await atFirstStep(play);
        const late = handle.executeUpdate(submitStep, { args: [answerOf('code-0', 'right')] });
        await expect(late).rejects.toMatchObject(refusedAs(refusals.stale));
        await handle.result();
      });
      expect(fakes.callLog.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'checkpoint_expired' });
      expect(fakes.callLog.at(-1)?.after).toEqual(within(2 * hour));
    });

    it('refuses a second answer during the check of the first', async () => {
      const fakes = fakeActivities([connectOperation(day)]);
      const checked = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const slow: Partial<Activities> = {
        ...asksForCode(fakes),
        actOnStep: async (ref) => {
          begun.resolve();
          await checked.promise;
          return fakes.end(ref.attempt, 'active');
        },
      };
      await time.play({ ...fakes.common, ...slow }, async (play) => {
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

  describe('concurrent operations', () => {
    it('starts a newer operation in the middle of a login, once the older attempt is closed', async () => {
      const fakes = fakeActivities([connectOperation(day)]);
      const { callLog, logCall, end, common, request } = fakes;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          checkLogin: (ref) => {
            logCall('checkLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'superseded' }));
          },
          endLogin: (ref) => {
            logCall('endLogin', ref);
            return Promise.resolve(end(ref.attempt, 'disconnected'));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(4 * hour);
          request({ kind: 'disconnect', attempt: 2, expiresInMs: hour });
          await handle.signal(refresh, 'webhook');
          await handle.result();
        },
      );
      expect(callLog.map(({ what, attempt, reason }) => [what, attempt, reason])).toEqual([
        ['nextOperation', 0, undefined],
        ['beginLogin', 1, undefined],
        ['checkLogin', 1, undefined],
        ['closeAttempt', 1, 'superseded'],
        ['nextOperation', 0, undefined],
        ['endLogin', 2, undefined],
      ]);
      expect(callLog[2]?.after).toEqual(within(4 * hour));
    });

    it('closes an attempt that was replaced while it had no run', async () => {
      const { callLog, logCall, end, common } = fakeActivities([
        { kind: 'superseded', attempt: 1 },
        connectOperation(hour, 2),
      ]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        run,
      );
      expect(callLog.map(({ what, attempt }) => [what, attempt])).toEqual([
        ['nextOperation', 0],
        ['closeAttempt', 1],
        ['nextOperation', 0],
        ['beginLogin', 2],
      ]);
    });

    it('closes an attempt that its owner cancelled, without waiting for its deadline', async () => {
      const { callLog, logCall, common } = fakeActivities([connectOperation(3 * day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', 3 * day));
          },
          checkLogin: (ref) => {
            logCall('checkLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'cancelled' }));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(day);
          await handle.signal(refresh, 'webhook');
          await handle.result();
        },
      );
      expect(callLog.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'cancelled' });
      expect(callLog.at(-1)?.after).toEqual(within(day));
    });

    it('cancels the attempt when an operator cancels the run, and closes it before the run ends', async () => {
      const { callLog, logCall, common } = fakeActivities([connectOperation(3 * day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', 3 * day));
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          await time.env.sleep(day);
          await handle.cancel();
          await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
        },
      );
      expect(callLog.map(({ what, attempt, reason }) => [what, attempt, reason])).toEqual([
        ['nextOperation', 0, undefined],
        ['beginLogin', 1, undefined],
        ['nextOperation', 0, undefined],
        ['closeAttempt', 1, 'cancelled'],
      ]);
    });

    it('closes the attempt also when the run is cancelled while the provider is asked, and refuses an answer that waits', async () => {
      const { callLog, logCall, common } = fakeActivities([connectOperation(3 * day)]);
      const asked = Promise.withResolvers<void>();
      const answered = Promise.withResolvers<void>();
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'code-1', 3 * day, { kind: 'code' }));
          },
          actOnStep: async (ref) => {
            logCall('actOnStep', ref);
            asked.resolve();
            await answered.promise;
            return progress(ref.attempt, { state: 'closed', accountState: 'active' });
          },
        },
        async (play) => {
          const handle = await atFirstStep(play);
          const answer = handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'right')] });
          await asked.promise;
          await handle.cancel();
          await expect(answer).rejects.toMatchObject(refusedAs(refusals.stale));
          answered.resolve();
          await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
        },
      );
      expect(callLog.at(-1)).toMatchObject({ what: 'closeAttempt', attempt: 1, reason: 'cancelled' });
    });

    it('lets two callers that wait for their turn move the attempt one after the other', async () => {
      const { logCall, common } = fakeActivities([connectOperation(day)]);
      let inside = 0;
      let most = 0;
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const alone = async (ref: AttemptRef, what: 'checkLogin' | 'actOnStep'): Promise<Progress> => {
        logCall(what, ref);
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, 300));
        inside -= 1;
        return what === 'checkLogin'
          ? progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' })
          : waiting(ref, 'code-1', day, { kind: 'code' });
      };
      await time.play(
        {
          ...common,
          beginLogin: async (ref) => {
            logCall('beginLogin', ref);
            begun.resolve();
            await go.promise;
            return waiting(ref, 'code-1', day, { kind: 'code' });
          },
          checkLogin: (ref) => alone(ref, 'checkLogin'),
          actOnStep: (ref) => alone(ref, 'actOnStep'),
        },
        async (play) => {
          const handle = await start(play);
          await begun.promise;
          // Both wait for the step, and come to the turn in the same activation.
          const one = handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'one')] });
          const two = handle.executeUpdate(submitStep, { args: [answerOf('code-1', 'two')] });
          await new Promise((resolve) => setTimeout(resolve, 500));
          go.resolve();
          await Promise.all([one, two]);
          await handle.signal(refresh, 'webhook');
          await handle.result();
        },
      );
      expect(most).toBe(1);
    });

    it('keeps its timer when a signal changes nothing', async () => {
      const { asked, logCall, end, common } = fakeActivities([connectOperation(day)]);
      let lapse = 0;
      const history = await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            lapse = ref.now + day;
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          checkLogin: (ref) => {
            const after = logCall('checkLogin', ref);
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
            await handle.signal(refresh, 'webhook');
          }
          await handle.result();
          return handle.fetchHistory();
        },
      );
      expect(asked().filter((what) => what === 'checkLogin')).toHaveLength(4);
      expect(history.events?.filter((event) => event.timerStartedEventAttributes)).toHaveLength(1);
    });
  });
});
