import { z } from 'zod';
import { asFailureCode, failureRow, type FailureCode } from '../../domain/failures.ts';
import { contactByPhone } from '../../db/queries/contacts/find-contacts.ts';
import { checkProviderName } from '../../services/provider-names.ts';
import type { SyncRun } from '../../db/entities/events.ts';
import { Problem, type ProblemCode } from '../../services/problem.ts';
import { runsAddress } from '../http/addresses.ts';
import { route } from '../http/route.ts';
import { phoneOrProblem } from '../../services/contacts/phone-or-problem.ts';
import { beginPeopleSyncs } from '../../services/conversations/sync-people.ts';
import { beginSyncs, countLeftOut, haveEnded, runsAfter, syncableAccounts } from '../../services/syncs/start-syncs.ts';
import { wholeContactAnswer } from '../views/contact.ts';
import { invalid } from '../http/validate.ts';
import { syncAnswer, syncView } from '../views/sync.ts';
import { shownTo, tag } from './contacts.ts';
import { providerName } from '../views/provider-name.ts';
import { conversationIds, leftOut, wait } from './syncs.ts';

export const syncByNumber = route({
  name: 'syncContact',
  method: 'post',
  path: '/contacts/sync',
  summary: 'Fetch one contact by phone number; 200 with it when that ended within the wait',
  tag,
  scope: 'write',
  idempotent: true,
  query: z.object({ wait: wait.default(20).describe('Seconds to wait for the end.') }),
  body: z.object({
    phone: z.string().max(64).optional().describe('The number, with its country code.'),
    phone_number: z.string().max(64).optional().describe('The same as phone.'),
    account: z.string().optional().describe('The account with the address book; without it all that are connected.'),
    provider: providerName.optional(),
  }),
  example: { phone: '+33639980100' },
  answer: z.object({
    contact: wholeContactAnswer.nullable().describe('Null while it is being fetched.'),
    runs: z.array(syncAnswer),
  }),
  status: 202,
  doneStatus: 200,
  watch: ({ runs }) => runsAddress(runs),
  handle: async (call) => {
    const { context, principal, query, body } = call;
    checkProviderName(context, body.provider);
    const phone = phoneAsked(body);
    const accounts = await context.db.tenant(principal.tenantId, (em) =>
      syncableAccounts(context, em, principal.tenantId, 'contacts', body),
    );
    if (!accounts.length) throw new Problem('account_not_connected', 'No account with an address book is connected.');
    const ids = await beginSyncs(context, accounts, { kind: 'contacts', target: { phone } });
    const runs = await runsAfter(call, ids, query.wait);
    const views = runs.map(syncView(await context.vault.keysOf(context.db, principal.tenantId), context.clock.now()));
    if (!haveEnded(runs)) return { status: 202, body: { contact: null, runs: views } };
    return context.db.tenant(principal.tenantId, async (em) => {
      const succeeded = runs.filter(({ state }) => state === 'succeeded').map(({ accountId }) => accountId);
      const contact = await contactByPhone(em, succeeded, phone);
      if (!contact) throw whyNot(runs);
      return { status: 200, body: { contact: await shownTo(em, context, principal, contact), runs: views } };
    });
  },
});

export const syncConversationContacts = route({
  name: 'syncConversationContacts',
  method: 'post',
  path: '/contacts/sync/conversations',
  summary: 'Fetch the contacts of conversations, by one sync for each address book; 200 when all ended within the wait',
  tag,
  scope: 'write',
  idempotent: true,
  query: z.object({ wait: wait.default(0).describe('Seconds to wait for the end.') }),
  body: z.object({
    conversation_ids: conversationIds
      .optional()
      .describe('The people of these conversations; without it, those of all conversations between two people.'),
  }),
  example: {},
  answer: z.object({ items: z.array(syncAnswer), left_out: leftOut }),
  status: 202,
  doneStatus: 200,
  watch: ({ items }) => runsAddress(items),
  handle: async (call) => {
    const { context, principal, query, body } = call;
    const named = body.conversation_ids ? [...new Set(body.conversation_ids)] : null;
    const ids = await beginPeopleSyncs(context, principal.tenantId, named);
    const left = named
      ? 0
      : await context.db.tenant(principal.tenantId, (em) => countLeftOut(context, em, 'contacts', {}));
    const runs = await runsAfter(call, ids, query.wait);
    const keys = await context.vault.keysOf(context.db, principal.tenantId);
    return {
      status: query.wait > 0 && haveEnded(runs) ? 200 : 202,
      body: { items: runs.map(syncView(keys, context.clock.now())), left_out: left },
    };
  },
});

/** The number that a request names, under either name. */
function phoneAsked(body: { phone?: string; phone_number?: string }): string {
  const field = body.phone === undefined ? 'phone_number' : 'phone';
  const given = body[field];
  if (given === undefined) throw invalid([{ field: 'phone', message: 'is missing.' }]);
  if (field === 'phone' && body.phone_number !== undefined)
    throw invalid([{ field: 'phone_number', message: 'is the same as phone: send one of them.' }]);
  return phoneOrProblem(field, given);
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
  // The number is unknown only where every account's address book was read.
  const reasons = runs.map(({ reason }) => asFailureCode(reason ?? 'not_found'));
  const code = reasons.find((reason) => reason !== 'not_found') ?? 'not_found';
  if (code === 'not_found' && runs.some(({ stats }) => Number(stats['erased'] ?? 0) > 0))
    return new Problem('not_found', 'The person with this number was erased on request, and is not fetched.', {
      fix: 'Where they agreed to it anew, lift the erasure first: DELETE /api/v1/erasures/{id}.',
    });
  if (code === 'not_found') return new Problem('not_found', 'The provider knows no person with this number.');
  const problem = problemOf[code] ?? 'provider_unavailable';
  return new Problem(problem, failureRow(code).whatToDo, problem.startsWith('provider') ? { retryAfter: 60 } : {});
}
