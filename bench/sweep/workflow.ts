import { proxyActivities } from '@temporalio/workflow';

const { visitOne } = proxyActivities<{ visitOne(accountId: string): Promise<void> }>({
  startToCloseTimeout: '2 minutes',
});

/** What a Schedule for each account starts: one account, one activity. */
export async function visitOneAccount(accountId: string): Promise<void> {
  await visitOne(accountId);
}
