import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sweepActivities } from '../../activities/sweeps.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { moveAccount } from '../../db/queries/accounts/timeline.ts';
import type { AccountEvent } from '../../domain/accounts.ts';
import type { SweepProgress } from '../../domain/syncs.ts';
import type { Context } from '../../services/context.ts';
import { activityInterceptors } from '../../workers/interceptors.ts';
import { activate, connect, unique, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { runSql } from '../support/run-sql.ts';

export const hour = 3_600_000;
export const day = 24 * hour;

/** One activity of the sweep of reminders. */
export function sweepReminders(context: Context): Promise<SweepProgress> {
  const activity = new MockActivityEnvironment(
    {},
    { interceptors: [activityInterceptors(context.log)], logger: new DefaultLogger('ERROR') },
  );
  // The workflow's own time would be that of this machine.
  return activity.run(sweepActivities(context).remindDueOwners, { now: 0 }) as Promise<SweepProgress>;
}

/** A connected account of the caller's tenant. */
export async function connected(api: TestApi, client: ApiClient = api.client): Promise<string> {
  const { account } = await connect(client);
  await activate(api, account.id, `up-${unique()}`);
  return account.id;
}

/** Moves an account as a check or an attempt does. */
export const move = ({ db }: Context, id: string, event: AccountEvent): Promise<void> =>
  db.system(async (em) => {
    const account = await lockAccount(em, id);
    if (account) moveAccount(em, account, event);
  });

export const lose = (context: Context, id: string, at: Date): Promise<void> =>
  move(context, id, { type: 'login_lost', at, reason: 'login_lost' });

/** The times of an account's reminders, by its timeline. */
export async function remindedAt(context: Context, id: string): Promise<Date[]> {
  const lines = await context.db.system((em) =>
    runSql<{ at: string }>(
      em,
      "select at::text from account_events where account_id = ? and kind = 'owner_reminded' order by at",
      [id],
    ),
  );
  return lines.map(({ at }) => new Date(at));
}

interface Asked {
  reminder: boolean;
  reminders: number;
  reason: string;
  what_to_do: string;
  state: string;
}

/** What the feed tells that is required for an account. */
export async function asked(client: ApiClient, id: string): Promise<Asked[]> {
  const { body } = await client.get(`/api/v1/events?account=${id}&types=account.action_required&limit=200`);
  return body.items.map(({ data }: { data: Asked }) => data);
}
