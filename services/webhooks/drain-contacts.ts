import type { Em } from '../../db/connect.ts';
import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import { hasLogin } from '../../db/queries/accounts/lock-accounts.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import {
  lockOwedContacts,
  nextOwedContacts,
  settleOwedContacts,
  type OwedContactEvent,
  type OwedContacts,
} from '../../db/queries/webhooks/owed-contacts.ts';
import { sealed } from '../../db/sealed.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { firstId } from '../../platform/ids.ts';
import { applyContactEvents, type ToldContacts } from '../contacts/apply-contact-events.ts';
import type { Context } from '../context.ts';
import { notApplied } from './store-requests.ts';

/** Transactions of one call, and of one account in it. */
const most = { all: 1_000, ofAccount: 10 };

/**
 * Applies what events owe to contacts: contacts are written under a lock for which intake does not wait. An account whose
 * contacts are held is left for the next call. Events that fail are kept as failed, to be replayed. `longest`: of a sealed
 * body, in characters. Answers how many events were applied.
 */
export async function drainContacts(context: Context, longest: number = 2 ** 31 - 1): Promise<number> {
  const { db } = context;
  let applied = 0;
  let left = most.all;
  for (let after = firstId; left > 0;) {
    const from = after;
    const account = await db.system((em) => nextOwedContacts(em, from, longest));
    if (!account) break;
    after = account.accountId;
    for (let n = 0; n < most.ofAccount && left > 0; n += 1, left -= 1) {
      const done = await drainAccount(context, account, longest);
      applied += done;
      if (!done) break;
    }
  }
  return applied;
}

/** One batch; answers how many events it settled, 0 where another transaction holds the contacts or removed the account. */
async function drainAccount(context: Context, account: OwedContacts, longest: number): Promise<number> {
  const { db, clock, log } = context;
  let events: OwedContactEvent[] = [];
  try {
    await db.system(async (em) => {
      // Before the events: an erasure holds it, and then writes these.
      await lockContacts(em, account.accountId);
      events = await lockOwedContacts(em, account.accountId, longest);
      if (!events.length) return;
      await applyOwed(context, em, account, events);
      await settleOwedContacts(em, events, clock.now(), null);
    });
  } catch (error) {
    if (isDatabaseBusy(error) || error instanceof ProviderFailure) return 0;
    if (!events.length || isDatabaseDown(error)) throw error;
    log.error({ err: error, account: account.accountId }, 'webhook events could not be applied to contacts');
    await db.system((em) => settleOwedContacts(em, events, clock.now(), notApplied));
  }
  return events.length;
}

async function applyOwed(
  context: Context,
  em: Em,
  { accountId, tenantId, provider: name }: OwedContacts,
  owed: readonly OwedContactEvent[],
): Promise<void> {
  const { providers, vault, reader } = context;
  const provider = providers[name as ProviderName];
  if (!provider) return;
  const told: ToldContacts[] = [];
  for (const { body, position, providerAccountId: login, ...request } of owed) {
    if (body === null || login === null || !(await hasLogin(em, accountId, login))) continue;
    const keys = await vault.keysOf(em, request.tenantId);
    const raw = Buffer.from(keys.open(body, sealed.webhookBody(request.requestId)));
    const { events } = await reader.read(provider, { raw, headers: {} }, login, request.requestId);
    const event = events?.[position];
    if (event?.kind === 'contact') told.push({ ...event, receivedAt: Date.parse(request.receivedAt) });
  }
  await applyContactEvents(context, em, { tenantId, accountId }, told, true);
}
