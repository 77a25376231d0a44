import { z } from 'zod';
import { attemptAddress, runsAddress } from '../http/addresses.ts';
import { pageOf, pageQuery } from '../http/pagination.ts';
import { accountAnswer } from '../views/account.ts';
import { accountAndAttempt } from '../views/attempt.ts';
import { syncAnswer, type SyncView } from '../views/sync.ts';
import { accountParams, createAccount, deleteAccount, listAccounts, redirectsBody } from './accounts.ts';
import type { Alias } from './aliases.ts';
import { leftOut, startSyncs } from './syncs.ts';

type Begun = z.output<typeof accountAndAttempt>;

const { success, failure } = redirectsBody.shape;
const account = { owner: z.string().default('default'), label: z.string().optional() };
const begun = {
  answer: accountAndAttempt,
  watch: (answer: Begun) => attemptAddress(answer.account.id),
  rename: (answer: Begun) => answer,
};

/** The fields that are given. */
const given = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** A login by OAuth: the address at which the owner's browser begins it. */
const connectBy = (channel: 'instagram' | 'messenger'): Alias => ({
  method: 'get',
  path: `/api/platforms/${channel}/connect`,
  of: createAccount,
  query: z.object({
    ...account,
    choose: z.enum(['first', 'ask']).default('first').describe('Of several Pages: take the first one, or ask.'),
    login: z.enum(['facebook', 'instagram']).optional(),
    success: success.describe('Where the browser goes after the login.'),
    failure: failure.describe('Where it goes after a login that failed.'),
  }),
  status: 200,
  ask: ({ query: { owner, label, success, failure, ...credentials } }) => ({
    body: {
      provider: 'meta',
      channel,
      method: 'oauth',
      ...given({ owner, label }),
      credentials: given(credentials),
      redirects: given({ success, failure }),
    },
  }),
  answer: z.object({
    authorization_url: z.string().nullable().describe('Null while it is being made: read the attempt then.'),
    state: z.string().nullable().describe('Comes back with the browser.'),
    account_id: z.string(),
  }),
  rename: ({ account: { id }, attempt: { step } }: Begun) => {
    const url = step.kind === 'redirect' ? step.url : null;
    return { authorization_url: url, state: url && new URL(url).searchParams.get('state'), account_id: id };
  },
});

/** The documented paths of platform accounts. */
export const platformAliases: Alias[] = [
  connectBy('instagram'),
  connectBy('messenger'),
  {
    ...begun,
    method: 'post',
    path: '/api/platforms/whatsapp/connect',
    of: createAccount,
    body: z.object({
      ...account,
      access_token: z.string().optional(),
      business_account_id: z.string().optional(),
      phone_number_id: z.string().optional(),
    }),
    ask: ({ body: { owner, label, ...credentials } }) => ({
      body: {
        provider: 'meta',
        channel: 'whatsapp',
        method: 'token',
        ...given({ owner, label }),
        credentials: given(credentials),
      },
    }),
  },
  {
    method: 'get',
    path: '/api/platforms/',
    of: listAccounts,
    query: z.object({ ...pageQuery, account: z.string().optional(), owner: z.string().optional() }),
    ask: ({ query }) => ({ query: { ...query, provider: 'meta' } }),
    answer: pageOf(accountAnswer),
    rename: (page: unknown) => page,
  },
  {
    ...begun,
    method: 'delete',
    path: '/api/platforms/{id}/disconnect',
    of: deleteAccount,
    params: accountParams,
    query: z.object({ purge: z.enum(['true', 'false']).optional() }),
    ask: ({ params, query }) => ({ params, query }),
    answer: accountAndAttempt.extend({ success: z.boolean() }),
    rename: (answer: Begun) => ({ success: true, ...answer }),
  },
  {
    method: 'post',
    path: '/api/platforms/{id}/sync',
    of: startSyncs,
    params: accountParams,
    ask: ({ params }) => ({ body: { kind: 'conversations', otherwise: 'details', account: params['id'] } }),
    answer: z.object({
      success: z.boolean(),
      run: syncAnswer.nullable(),
      runs: z.array(syncAnswer),
      left_out: leftOut,
    }),
    watch: ({ runs }: { runs: SyncView[] }) => runsAddress(runs),
    rename: ({ items, left_out }: { items: SyncView[]; left_out: number }) => ({
      success: true,
      run: items[0] ?? null,
      runs: items,
      left_out,
    }),
  },
];
