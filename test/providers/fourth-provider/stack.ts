import { createHmac } from 'node:crypto';
import { Account } from '../../../db/entities/accounts.ts';
import { accountKeys } from '../../../db/queries/accounts/account-keys.ts';
import { ProviderCredentials } from '../../../db/entities/tenants.ts';
import type { AccountKeys } from '../../../domain/accounts.ts';
import { webhookAddress } from '../../../domain/addresses.ts';
import { createBrowser } from '../../../dev/parts/browser.ts';
import { providers } from '../../../providers/providers.ts';
import { eventually } from '../../support/eventually.ts';
import { runSql } from '../../support/run-sql.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import type { ApiClient } from '../../support/client.ts';
import { pagelink } from './index.ts';
import { upstream } from './upstream.ts';

export const all = { ...providers, pagelink };
export const settings = { app_id: '101', app_secret: upstream.appSecret };
export const environment = { PAGELINK_APP_ID: settings.app_id, PAGELINK_APP_SECRET: settings.app_secret };

/** A stack with Pagelink, and what its tests do with it. */
export interface PagelinkStack extends TestStack {
  /** Connects a page, which is made where there is none, as this user. */
  connected(page: string, user?: string, client?: ApiClient): Promise<string>;
  /** Posts events of accounts and groups to the installation's webhook address, signed. */
  event(...entry: { id: string; change: string }[]): Promise<Response>;
  keysOf(accountId: string): Promise<AccountKeys | null>;
  account(accountId: string): Promise<Account>;
  /** By SQL of the system's role. */
  query(sql: string, values?: unknown[]): Promise<any[]>;
}

export async function startPagelinkStack(): Promise<PagelinkStack> {
  const stack = await startTestStack(environment, all);
  const { context } = stack.worker;

  const connected: PagelinkStack['connected'] = async (page, user = 'owner', client = stack.api) => {
    if (!upstream.pages.some(({ id }) => id === page)) upstream.pages.push({ id: page, name: `Page ${page}` });
    const asked = { provider: 'pagelink', channel: 'messenger', owner: user };
    const { id } = (await client.post('/api/v1/accounts', asked)).body.account;
    await login(client, id, `code-${page}@${user}`);
    await choose(client, id, page);
    await client.account(id, 'active');
    return id;
  };

  return {
    ...stack,
    connected,
    event: async (...entry) => {
      const address = await context.db.system(async (em) => {
        const row = await em.findOneOrFail(ProviderCredentials, { provider: 'pagelink', tenantId: null });
        return webhookAddress(stack.api.url, 'pagelink', row.webhookToken);
      });
      const body = JSON.stringify({ entry });
      const signature = createHmac('sha256', upstream.appSecret).update(body).digest('hex');
      return fetch(address, { method: 'POST', headers: { 'x-hub-signature-256': `sha256=${signature}` }, body });
    },
    keysOf: (id) =>
      context.db.system(async (em) => {
        const account = await em.findOneOrFail(Account, { id });
        return accountKeys(await context.vault.keysOf(em, account.tenantId), account);
      }),
    account: (id) => context.db.system((em) => em.findOneOrFail(Account, { id })),
    query: (sql, values = []) => context.db.system((em) => runSql(em, sql, values)),
  };
}

export const isDialog = (url: string): boolean => url.startsWith('https://pagelink.example/dialog');

/** Comes back from the authorization page of an account's login with a code. */
export async function login(client: ApiClient, accountId: string, code: string): Promise<void> {
  const { url } = (await client.step(accountId, 'redirect')).step;
  const browser = createBrowser();
  const page = new URL((await browser.open(url, { stop: isDialog })).url);
  const back = new URL(page.searchParams.get('redirect_uri') ?? '');
  back.search = new URLSearchParams({ code, state: page.searchParams.get('state') ?? '' }).toString();
  upstream.codes.add(code);
  const { status } = await browser.open(back.href);
  if (status !== 200) throw new Error(`The return was answered ${status}.`);
}

/** Answers the choice of a page; the step is there before the run has ended the one before it. */
export async function choose(client: ApiClient, accountId: string, page: string): Promise<void> {
  const { step } = await client.step(accountId, 'choose');
  await eventually('the choice is taken', async () => {
    const { body } = await client.post(`/api/v1/accounts/${accountId}/attempt/steps/${step.id}`, { answer: page });
    return body.code !== 'answer_in_flight';
  });
}
