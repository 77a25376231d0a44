import { z } from 'zod';
import { jidOf } from '../../domain/contacts.ts';
import { asFailureCode, failureRow, type FailureCode } from '../../domain/failures.ts';
import { providerNames } from '../../domain/channels.ts';
import { arrayOf, rows, type Em } from '../../db/connect.ts';
import { Contact } from '../../db/entities/contacts.ts';
import type { SyncRun } from '../../db/entities/events.ts';
import { Problem, type ProblemCode } from '../../services/problem.ts';
import { route } from '../http/route.ts';
import { phoneOrProblem } from '../../services/contacts/phone-or-problem.ts';
import { haveEnded, runsAfter, beginSyncs, syncableAccounts } from '../../services/syncs/start-syncs.ts';
import { wholeContactAnswer } from '../views/contact.ts';
import { syncAnswer, syncView } from '../views/sync.ts';
import { shownTo, tag } from './contacts.ts';
import { wait } from './syncs.ts';

export const syncByNumber = route({
  method: 'post',
  path: '/contacts/sync',
  summary: 'Fetch one contact by phone number; 200 with it when that ended within the wait',
  tag,
  scope: 'write',
  idempotent: true,
  query: z.object({ wait: wait.default(20).describe('Seconds to wait for the end.') }),
  body: z.object({
    phone_number: z.string().max(64),
    account: z.string().optional().describe('Whose address book; without it all that are connected.'),
    provider: z.enum(providerNames).optional(),
  }),
  answer: z.object({
    contact: wholeContactAnswer.nullable().describe('Null while it is being fetched.'),
    runs: z.array(syncAnswer),
  }),
  status: 202,
  doneStatus: 200,
  handle: async (call) => {
    const { context, principal, query, body } = call;
    const phone = phoneOrProblem('phone_number', body.phone_number);
    const accounts = await context.db.tenant(principal.tenantId, (em) =>
      syncableAccounts(context, em, principal.tenantId, 'contacts', body),
    );
    if (!accounts.length) throw new Problem('account_not_connected', 'No account with an address book is connected.');
    const ids = await beginSyncs(context, accounts, { kind: 'contacts', target: { phone } });
    const runs = await runsAfter(call, ids, query.wait);
    const views = runs.map(syncView(await context.vault.keysOf(context.db, principal.tenantId)));
    if (!haveEnded(runs)) return { status: 202, body: { contact: null, runs: views } };
    return context.db.tenant(principal.tenantId, async (em) => {
      const contact = await contactIn(em, runs, phone);
      if (!contact) throw whyNot(runs);
      return { status: 200, body: { contact: await shownTo(em, context, principal, contact), runs: views } };
    });
  },
});

/** Who has the number in the address book of an account whose run succeeded; of several the one told of last. */
async function contactIn(em: Em, runs: readonly SyncRun[], phone: string): Promise<Contact | null> {
  const accounts = runs.filter(({ state }) => state === 'succeeded').map(({ accountId }) => accountId);
  const [found] = await rows<{ id: string }>(
    em,
    `select r.id from contact_aliases a join contacts c on c.id = a.contact_id
       join contacts r on r.id = coalesce(c.merged_into, c.id)
     where a.account_id = any(?::uuid[]) and a.kind = 'jid' and a.value = ?
     order by r.last_updated_from_wasender desc nulls last, r.id limit 1`,
    [arrayOf(accounts), jidOf(phone)],
  );
  return found ? em.findOne(Contact, { id: found.id }) : null;
}

/** Why a number could not be fetched, where that is not the provider's trouble. */
const problemOf: Partial<Record<FailureCode, ProblemCode>> = {
  not_found: 'not_found',
  not_connected: 'account_not_connected',
  login_lost: 'account_not_connected',
  account_gone: 'account_not_connected',
  provider_not_configured: 'provider_not_configured',
  cancelled: 'sync_ended',
};

function whyNot(runs: readonly SyncRun[]): Problem {
  // Nobody knows the number only when everybody was asked.
  const reasons = runs.map(({ reason }) => asFailureCode(reason ?? 'not_found'));
  const code = reasons.find((reason) => reason !== 'not_found') ?? 'not_found';
  if (code === 'not_found' && runs.some(({ stats }) => Number(stats['erased'] ?? 0) > 0))
    return new Problem('not_found', 'Whoever has this number was erased on request, and is not fetched.', {
      fix: 'Where they agreed to it anew, lift the erasure first: DELETE /api/v1/erasures/{id}.',
    });
  if (code === 'not_found') return new Problem('not_found', 'Nobody with this number is known to the provider.');
  const problem = problemOf[code] ?? 'provider_unavailable';
  return new Problem(problem, failureRow(code).whatToDo, problem.startsWith('provider') ? { retryAfter: 60 } : {});
}
