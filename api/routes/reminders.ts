import { z } from 'zod';
import { callsPerMinuteOfAccounts } from '../../db/queries/tenants/credentials.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { endSnooze, snoozeReminders } from '../../services/reminders/snooze.ts';
import { route, type Call } from '../http/route.ts';
import { accountAnswer, accountView } from '../views/account.ts';
import { accountParams } from './accounts.ts';

const tag = 'accounts';

const shown = async ({ context, principal }: Pick<Call, 'context' | 'principal'>, account: Account) => ({
  body: accountView(
    account,
    context.clock.now(),
    await context.db.tenant(principal.tenantId, (em) => callsPerMinuteOfAccounts(em, [account])),
  ),
});

const snooze = route({
  name: 'snoozeReminders',
  method: 'post',
  path: '/accounts/{id}/snooze',
  summary: 'Stop the reminders of the owner until a time',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  body: z.object({ until: z.iso.datetime({ offset: true }).describe('At most a year from now.') }),
  example: { until: '2030-01-01T09:00:00Z' },
  answer: accountAnswer,
  handle: async (call) => shown(call, await snoozeReminders(call, call.params.id, new Date(call.body.until))),
});

const wake = route({
  name: 'endSnooze',
  method: 'delete',
  path: '/accounts/{id}/snooze',
  summary: 'Let the reminders of the owner go on',
  tag,
  scope: 'write',
  params: accountParams,
  answer: accountAnswer,
  handle: async (call) => shown(call, await endSnooze(call, call.params.id)),
});

export const reminderRoutes = [snooze, wake];
