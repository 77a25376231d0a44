import type { CountRef } from '../../activities/analytics.ts';
import type { SweepRef } from '../../activities/lease-due-accounts.ts';
import { eventCountOf } from '../support/history.ts';
import { time, withTimeSkipped } from './scenario.ts';

withTimeSkipped('a sweep over many accounts', () => {
  it('works in many activities at the same time, and ends when one of them finds nothing left', async () => {
    let chunks = 200;
    let atOnce = 0;
    const many = Promise.withResolvers<void>();
    const together: unknown[] = [];
    await time.play(
      {
        syncDueContacts: async ({ isOneOfMany = false }: SweepRef) => {
          together.push(isOneOfMany);
          atOnce += 1;
          if (atOnce === 4) many.resolve();
          // The first is alone. Without so many at the same time afterwards, the sweep does not end.
          if (chunks < 200) await many.promise;
          atOnce -= 1;
          chunks -= 1;
          return { more: chunks > 0, accounts: 20, failed: 1 };
        },
      },
      async ({ taskQueue }) => {
        const handle = await time.env.client.workflow.start('syncAllContacts', { taskQueue, workflowId: 'sweep/many' });
        const { accounts, failed } = await handle.result();
        expect(accounts).toBe(20 * failed);
        expect(failed).toBe(200 - chunks);
      },
    );
    expect(chunks).toBeLessThanOrEqual(0);
    expect(together[0]).toBe(false);
    expect(together.slice(1)).not.toContain(false);
  });

  it('takes one activity where that leaves nothing', async () => {
    let asked = 0;
    const history = await time.play(
      {
        fetchDuePictures: () => {
          asked += 1;
          return Promise.resolve({ more: false, accounts: 0, failed: 0 });
        },
      },
      async ({ taskQueue }) => {
        const handle = await time.env.client.workflow.start('fetchPictures', { taskQueue, workflowId: 'sweep/none' });
        await handle.result();
        return handle.fetchHistory();
      },
    );
    expect(asked).toBe(1);
    expect(eventCountOf(history)).toBeLessThanOrEqual(11);
  });

  it('counts analytics under the claim of its first activity', async () => {
    const refs: CountRef[] = [];
    await time.play(
      {
        countAnalytics: (ref: CountRef) => {
          refs.push(ref);
          return Promise.resolve({ claim: 'one', more: refs.length < 3, accounts: 50, failed: 0 });
        },
      },
      async ({ taskQueue }) => {
        const handle = await time.env.client.workflow.start('aggregateAnalytics', {
          taskQueue,
          workflowId: 'sweep/count',
        });
        await handle.result();
      },
    );
    expect(refs[0]).not.toHaveProperty('claim');
    expect(refs.length).toBeGreaterThan(3);
    expect(refs.slice(1).every(({ claim }) => claim === 'one')).toBe(true);
  });

  it('visits accounts of any number within a bounded history, and ends before the next sweep begins', async () => {
    const story = async (visits: (n: number) => { more: boolean; accounts: number }) => {
      let asked = 0;
      return time.play(
        {
          visitDueAccounts: async () => {
            asked += 1;
            return { failed: 0, ...visits(asked) };
          },
        },
        async ({ taskQueue }) => {
          const handle = await time.env.client.workflow.start('syncPlatforms', {
            taskQueue,
            workflowId: `sweep/platforms/${taskQueue}`,
          });
          const { accounts } = await handle.result();
          return { accounts, asked, events: eventCountOf(await handle.fetchHistory()) };
        },
      );
    };
    // One activity, where it leaves nothing.
    expect(await story(() => ({ more: false, accounts: 7 }))).toMatchObject({ accounts: 7, asked: 1 });
    // Each works until its time is over, and what lanes find nothing end: ten and a hundred thousand accounts alike.
    const few = await story((n) => ({ more: n === 1, accounts: 1_000 }));
    const many = await story((n) => ({ more: n === 1, accounts: 10_000 }));
    expect(many).toMatchObject({ asked: 9, accounts: 90_000 });
    // How many workflow tasks it takes depends on which activities end together.
    for (const { events } of [few, many]) expect(events).toBeLessThan(100);
  });
});
