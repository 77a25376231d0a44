import { ProviderFailure } from '../../domain/failures.ts';
import { searchAttributes } from '../../domain/search-attributes.ts';
import { refresh } from '../../workflows/messages.ts';
import {
  between,
  connectOperation,
  day,
  hour,
  input,
  minute,
  run,
  serverTime,
  start,
  time,
  waiting,
  within,
  withTimeSkipped,
  fakeActivities,
} from './scenario.ts';
import { progress, syncProgress } from './time-skipping.ts';

withTimeSkipped('P5, with time skipped: deadlines and pauses', () => {
  describe('an attempt and its deadline', () => {
    it('ends an attempt that nobody finishes at its deadline, days later, with the named reason', async () => {
      const { callLog, asked, logCall, common } = fakeActivities([connectOperation(3 * day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', 3 * day, { kind: 'redirect' }));
          },
          checkLogin: (ref) => {
            logCall('checkLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
          },
        },
        run,
      );
      expect(asked()).toEqual(['nextOperation', 'beginLogin', 'checkLogin', 'closeAttempt']);
      expect(callLog.at(-1)).toMatchObject({ attempt: 1, reason: 'deadline_passed' });
      expect(callLog[2]?.after).toBeGreaterThanOrEqual(3 * day);
      expect(callLog[2]?.after).toBeLessThan(3 * day + minute);
    });

    it('renews a QR code each time it lapses, until the deadline', async () => {
      const { callLog, logCall, common } = fakeActivities([connectOperation(10 * minute)]);
      let codes = 1;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'code-1', minute));
          },
          checkLogin: (ref) => {
            if (logCall('checkLogin', ref) >= 10 * minute)
              return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
            codes += 1;
            return Promise.resolve(waiting(ref, `code-${codes}`, minute));
          },
        },
        run,
      );
      const checks = callLog.filter(({ what }) => what === 'checkLogin').map(({ after }) => Math.floor(after / minute));
      expect(checks).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(codes).toBe(10);
      expect(callLog.at(-1)).toMatchObject({ what: 'closeAttempt', reason: 'deadline_passed' });
    });

    it('accepts a scan that the check at the deadline finds: nothing is closed or compensated', async () => {
      const { asked, logCall, end, common } = fakeActivities([connectOperation(day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          checkLogin: (ref) => {
            logCall('checkLogin', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        run,
      );
      expect(asked()).toEqual(['nextOperation', 'beginLogin', 'checkLogin']);
    });

    it('accepts a scan between the check at the deadline and the compensation', async () => {
      const { asked, logCall, end, common } = fakeActivities([connectOperation(day)]);
      const handle = await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            return Promise.resolve(waiting(ref, 'step-1', day));
          },
          checkLogin: (ref) => {
            logCall('checkLogin', ref);
            return Promise.resolve(progress(ref.attempt, { state: 'ending', reason: 'deadline_passed' }));
          },
          closeAttempt: (ref) => {
            logCall('closeAttempt', ref);
            return Promise.resolve(end(ref.attempt, 'active'));
          },
        },
        async (play) => {
          const started = await start(play);
          await started.result();
          return started;
        },
      );
      expect(asked()).toEqual(['nextOperation', 'beginLogin', 'checkLogin', 'closeAttempt']);
      const { typedSearchAttributes: found } = await handle.describe();
      expect(found.get(searchAttributes.state)).toBe('active');
    });
  });

  describe('pauses of a provider', () => {
    it('waits the hours that the provider asks for, and no less', async () => {
      const { logCall, end, common } = fakeActivities([connectOperation(2 * day)]);
      const tries: number[] = [];
      await time.play(
        {
          ...common,
          beginLogin: async (ref) => {
            logCall('beginLogin', ref);
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
      const { callLog, asked, logCall, common } = fakeActivities([connectOperation(8 * hour)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 5 * hour });
          },
        },
        run,
      );
      expect(asked().at(-1)).toBe('closeAttempt');
      expect(callLog.at(-1)).toMatchObject({ reason: 'rate_limited' });
      expect(callLog.at(-1)?.after).toBeLessThanOrEqual(8 * hour + minute);
    });

    it('retries a provider that is down after ever longer pauses, of 20 seconds at most', async () => {
      const { logCall, end, common } = fakeActivities([connectOperation(day)]);
      const tries: number[] = [];
      await time.play(
        {
          ...common,
          beginLogin: async (ref) => {
            logCall('beginLogin', ref);
            tries.push(await serverTime());
            if (tries.length < 10) throw new ProviderFailure('provider_unavailable', 'Down.');
            return end(ref.attempt, 'active');
          },
        },
        run,
      );
      expect(between(tries)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000].map(within));
    });

    it('does not retry a permanent refusal', async () => {
      const { callLog, asked, logCall, common } = fakeActivities([connectOperation(day)]);
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            throw new ProviderFailure('wrong_credentials', 'Refused.');
          },
        },
        run,
      );
      expect(asked()).toEqual(['nextOperation', 'beginLogin', 'closeAttempt']);
      expect(callLog.at(-1)).toMatchObject({ reason: 'wrong_credentials' });
    });

    it('tries to close an attempt for a day, then ends: the reconciler owes the rest', async () => {
      const { logCall, common } = fakeActivities([connectOperation(hour)]);
      let tries = 0;
      let lastAt = 0;
      await time.play(
        {
          ...common,
          beginLogin: (ref) => {
            logCall('beginLogin', ref);
            throw new ProviderFailure('wrong_credentials', 'Refused.');
          },
          closeAttempt: async (ref) => {
            logCall('closeAttempt', ref);
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

  describe('at rest', () => {
    it('ends at once when no operation is requested: no run stays open for weeks', async () => {
      const { asked, common } = fakeActivities([]);
      const history = await time.play(common, async (play) => {
        const handle = await start(play);
        await handle.result();
        return handle.fetchHistory();
      });
      expect(asked()).toEqual(['nextOperation', 'checkAccount']);
      expect(history.events?.filter((event) => event.timerStartedEventAttributes)).toEqual([]);
      expect(history.events?.some((event) => event.workflowExecutionContinuedAsNewEventAttributes)).toBe(false);
    });

    it('repeats for a signal that came while it was about to end', async () => {
      const { asked, logCall, common } = fakeActivities([]);
      const checked = Promise.withResolvers<void>();
      const signalled = Promise.withResolvers<void>();
      let checks = 0;
      await time.play(
        {
          ...common,
          checkAccount: async (ref) => {
            logCall('checkAccount', ref);
            checks += 1;
            checked.resolve();
            if (checks === 1) await signalled.promise;
            return progress(ref.attempt, { state: 'closed', accountState: 'active' });
          },
        },
        async (play) => {
          const handle = await start(play);
          await checked.promise;
          await handle.signal(refresh, 'webhook');
          signalled.resolve();
          await handle.result();
        },
      );
      expect(asked()).toEqual(['nextOperation', 'checkAccount', 'nextOperation', 'checkAccount']);
    });

    it('ends after ten minutes without an answer of the provider: the reconciler requests it again', async () => {
      const { callLog, logCall, common } = fakeActivities([]);
      let lastAt = 0;
      await time.play(
        {
          ...common,
          checkAccount: async (ref) => {
            logCall('checkAccount', ref);
            lastAt = (await serverTime()) - ref.now;
            throw new ProviderFailure('rate_limited', 'Down.', { retryAfterMs: 3 * minute });
          },
        },
        run,
      );
      expect(callLog.filter(({ what }) => what === 'checkAccount')).toHaveLength(4);
      expect(lastAt).toEqual(within(9 * minute));
    });

    it('collects details again for a trigger during the run, after the pause that the provider asked for', async () => {
      const tries: number[] = [];
      await time.play(
        {
          collectDetails: async () => {
            tries.push(await serverTime());
            if (tries.length === 1)
              throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 6 * hour });
            return syncProgress({ more: tries.length === 2 });
          },
        },
        async (play) => {
          const options = { taskQueue: play.taskQueue, workflowId: `sync/${play.workflowId}`, args: [input(play)] };
          await (await time.env.client.workflow.start('syncDetails', options)).result();
        },
      );
      expect(between(tries)).toEqual([within(6 * hour), within(0)]);
    });

    it('ends a collection of details with a named failure after eight tries, hours apart: no run is left open', async () => {
      let tries = 0;
      const reasons: string[] = [];
      await time.play(
        {
          collectDetails: () => {
            tries += 1;
            throw new ProviderFailure('rate_limited', 'Asked for a pause.', { retryAfterMs: 3 * hour });
          },
          giveUpDetails: ({ reason }) => {
            reasons.push(reason);
            return Promise.resolve(syncProgress({ state: 'failed', reason }));
          },
        },
        async (play) => {
          const options = { taskQueue: play.taskQueue, workflowId: `sync/${play.workflowId}`, args: [input(play)] };
          await (await time.env.client.workflow.start('syncDetails', options)).result();
        },
      );
      expect(tries).toBe(8);
      expect(reasons).toEqual(['rate_limited']);
    });
  });
});
