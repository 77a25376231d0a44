import { eventsOf } from '../support/history.ts';
import { time, withTimeSkipped } from './scenario.ts';

withTimeSkipped('a sweep over many accounts', () => {
  it('works in many activities at the same time, and ends when one of them finds nothing left', async () => {
    let chunks = 200;
    let atOnce = 0;
    let most = 0;
    await time.play(
      {
        syncDueContacts: async () => {
          atOnce += 1;
          most = Math.max(most, atOnce);
          await new Promise((resolve) => setTimeout(resolve, 20));
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
    expect(most).toBeGreaterThan(3);
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
    expect(eventsOf(history).length).toBeLessThanOrEqual(11);
  });
});
