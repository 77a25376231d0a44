import { z } from 'zod';
import { parse } from '../http/validate.ts';
import { attemptAddress, runsAddress } from '../http/addresses.ts';
import { pageQuery } from '../http/pagination.ts';
import { route, type Method, type Route } from '../http/route.ts';
import { accountAnswer, type AccountAnswer } from '../views/account.ts';
import { accountAndAttempt, attemptAnswer } from '../views/attempt.ts';
import { accountParams, createAccount, credentialsBody, deleteAccount, getAccount, listAccounts } from './accounts.ts';
import { reconnect, solveCurrentStep } from './attempts.ts';
import { contactAliases } from './contact-aliases.ts';
import { conversationAliases } from './conversation-aliases.ts';
import { sendAliases } from './send-aliases.ts';
import { historyAliases } from './history-aliases.ts';
import { platformAliases } from './platform-aliases.ts';
import { startSyncs } from './syncs.ts';
import { syncAnswer } from '../views/sync.ts';

/** What an alias was asked, all of it in one: the path's, the query's and the body's fields. */
interface Given {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** One documented path: the route it stands for, and how what is asked and answered is renamed. No logic of its own. */
export interface Alias {
  method: Method;
  path: string;
  of: Route;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  status?: number;
  doneStatus?: number;
  ask(given: Given): Partial<Record<'params' | 'query' | 'body', unknown>>;
  answer: z.ZodType;
  rename(answered: never, given: Given): unknown;
  /** The address at which the outcome of a 202 can be read, from the renamed answer. */
  watch?(answer: never): string;
}

type Begun = z.output<typeof accountAndAttempt>;
type Page = { items: AccountAnswer[]; next_cursor: string | null };

const unipileAccount = z.object({
  id: z.string(),
  provider: z.string(),
  accountIdentifier: z.string().nullable(),
  status: z.enum(['pending', 'connected', 'disconnected']),
  createdAt: z.string(),
  updatedAt: z.string(),
  lastSync: z.string().nullable(),
});

const statusOf = ({ state, merged_into: survivor }: AccountAnswer): 'pending' | 'connected' | 'disconnected' => {
  if (state === 'active' || state === 'degraded' || survivor) return 'connected';
  return state === 'connecting' ? 'pending' : 'disconnected';
};

const asUnipileAccount = (account: AccountAnswer): z.input<typeof unipileAccount> => ({
  id: account.id,
  provider: account.channel,
  accountIdentifier: account.connection_config?.phone_number ?? account.identity,
  status: statusOf(account),
  createdAt: account.created_at,
  updatedAt: account.updated_at,
  lastSync: account.last_sync_at,
});

const accountId = z.string();
const listQuery = z.object({ ...pageQuery, account: z.string().optional() });

const table: Alias[] = [
  {
    method: 'post',
    path: '/api/unipile/connect-whatsapp',
    of: createAccount,
    body: z.object({ owner: z.string().default('default'), label: z.string().optional() }),
    status: 200,
    ask: ({ body }) => ({ body: { ...body, provider: 'unipile', channel: 'whatsapp', method: 'qr' } }),
    answer: z.object({ qrCodeString: z.string().nullable(), accountId, account: unipileAccount }),
    rename: ({ account, attempt }: Begun) => ({
      qrCodeString: attempt.step.kind === 'qr' ? attempt.step.text : null,
      accountId: account.id,
      account: asUnipileAccount(account),
    }),
  },
  {
    method: 'get',
    path: '/api/unipile/check-status',
    of: getAccount,
    query: z.object({ accountId }),
    ask: ({ query }) => ({ params: { id: query['accountId'] } }),
    answer: z.object({ accountId, status: z.string(), connected: z.boolean() }),
    rename: (account: AccountAnswer) => {
      const status = statusOf(account);
      return { accountId: account.id, status, connected: status === 'connected' };
    },
  },
  {
    method: 'get',
    path: '/api/unipile/account',
    of: listAccounts,
    query: z.object({ ...pageQuery, accountId: accountId.optional() }),
    ask: ({ query: { accountId: account, ...paging } }) => ({ query: { ...paging, account, provider: 'unipile' } }),
    answer: z.object({
      accounts: z.array(unipileAccount).optional().describe('Without accountId.'),
      account: unipileAccount.optional().describe('With accountId.'),
      next_cursor: z.string().nullish(),
    }),
    rename: ({ items, next_cursor }: Page, { query }) => {
      const accounts = items.map(asUnipileAccount);
      return query['accountId'] === undefined ? { accounts, next_cursor } : { account: accounts[0] };
    },
  },
  {
    method: 'delete',
    path: '/api/unipile/account',
    of: deleteAccount,
    query: z.object({ accountId: accountId.optional() }),
    body: z.object({ accountId: accountId.optional() }),
    status: 200,
    ask: ({ query, body }) => ({ params: { id: query['accountId'] ?? body['accountId'] ?? '' } }),
    answer: z.object({ success: z.boolean() }),
    rename: () => ({ success: true }),
  },
  {
    method: 'post',
    path: '/api/v1/accounts/{id}/solve_checkpoint',
    of: solveCurrentStep,
    params: accountParams,
    body: z.object({ code: z.string() }),
    ask: ({ params, body }) => ({ params, body: { answer: body['code'] } }),
    answer: attemptAnswer,
    watch: ({ account_id: id }: z.output<typeof attemptAnswer>) => attemptAddress(id),
    rename: (attempt: unknown) => attempt,
  },
  {
    method: 'post',
    path: '/api/v1/accounts/{id}/reconnect_account',
    of: reconnect,
    params: accountParams,
    body: z.object({ credentials: credentialsBody.optional() }),
    ask: ({ params, body }) => ({ params, body }),
    answer: accountAndAttempt,
    watch: ({ account }: Begun) => attemptAddress(account.id),
    rename: (begun: unknown) => begun,
  },
  {
    method: 'get',
    path: '/api/v1/accounts/whatsapp-details/',
    of: listAccounts,
    query: listQuery,
    ask: ({ query }) => ({ query: { ...query, channel: 'whatsapp' } }),
    answer: z.object({ accounts: z.array(accountAnswer), next_cursor: z.string().nullable() }),
    rename: ({ items, next_cursor }: Page) => ({ accounts: items, next_cursor }),
  },
  {
    method: 'get',
    path: '/api/v1/accounts/all-connections/',
    of: listAccounts,
    query: listQuery,
    ask: ({ query }) => ({ query }),
    answer: z.object({ connections: z.array(accountAnswer), next_cursor: z.string().nullable() }),
    rename: ({ items, next_cursor }: Page) => ({ connections: items, next_cursor }),
  },
  {
    method: 'post',
    path: '/api/v1/accounts/sync-account-details/',
    of: startSyncs,
    body: z.object({ account_id: z.string().nullish() }),
    ask: ({ body }) => ({ body: { account: body['account_id'] ?? undefined } }),
    answer: z.object({ success: z.boolean(), run: syncAnswer.nullable(), runs: z.array(syncAnswer) }),
    watch: ({ runs }: { runs: { id: string }[] }) => runsAddress(runs),
    rename: ({ items }: { items: unknown[] }) => ({ success: true, run: items[0] ?? null, runs: items }),
  },
  ...contactAliases,
  ...conversationAliases,
  ...sendAliases,
  ...historyAliases,
  ...platformAliases,
];

/** The tag of documented paths. */
export const compatibility = 'Compatibility';

/** Every documented path as a route. */
export const aliasRoutes: Route[] = table.map(({ of, ask, rename, ...alias }) =>
  route({
    ...alias,
    name: `compat${alias.path.replace(/[^\w]+(\w?)/g, (_, next: string) => next.toUpperCase())}${alias.method.toUpperCase()}`,
    summary: `${of.summary} (stands for ${of.method.toUpperCase()} /api/v1${of.path})`,
    tag: compatibility,
    scope: of.scope,
    // A key stands for a body, which a GET does not have.
    idempotent: alias.method !== 'get' && of.idempotent,
    changes: alias.method === 'get' && of.method !== 'get',
    looks: of.looks,
    status: alias.status ?? of.status,
    file: of.file,
    contentType: of.contentType,
    handle: async (call) => {
      const given = { params: call.params ?? {}, query: call.query ?? {}, body: call.body ?? {} } as Given;
      const { params = {}, query = {}, body = {} } = ask(given);
      const inner = {
        ...call,
        params: parse(of.params, params),
        query: parse(of.query, query),
        body: parse(of.body, body),
      };
      const result = await of.handle(inner);
      if (!('body' in result)) return result;
      const { status, body: answer, retryAfter } = result;
      return {
        ...((alias.doneStatus || of.file) && status ? { status } : {}),
        retryAfter,
        body: rename(of.answer.parse(answer) as never, given),
      };
    },
  }),
);
