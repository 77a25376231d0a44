import { createBrowser, type Browser, type Shown } from '../../dev/parts/browser.ts';
import type { ApiClient } from './client.ts';
import { eventually } from './eventually.ts';

export type MetaChannel = 'instagram' | 'messenger';

/** A login whose browser has not begun yet. */
export interface MetaLogin {
  id: string;
  url: string;
}

/** Begins a login by OAuth as an application does. */
export async function beginMeta(client: ApiClient, channel: MetaChannel, more: object = {}): Promise<MetaLogin> {
  const request = { provider: 'meta', channel, owner: 'maya', method: 'oauth', credentials: { choose: 'first' } };
  const { status, body } = await client.post('/api/v1/accounts', { ...request, ...more });
  if (status !== 202) throw new Error(JSON.stringify(body));
  const { step } = await client.step(body.account.id, 'redirect');
  return { id: body.account.id, url: step.url };
}

/** What the owner ticks in the dialog, where it asks; by default what is ticked already. */
export interface Ticks {
  pages?: (all: readonly string[]) => readonly string[];
  scopes?: (all: readonly string[]) => readonly string[];
}

export const isReturn = (url: string): boolean => /\/(callbacks\/meta|api\/platforms\/callback\/?)\?/.test(url);

/** Goes through the dialog by its forms. Answers the address to which it sends the browser back, unopened. */
export async function agree(browser: Browser, url: string, userName: string, ticks: Ticks = {}): Promise<string> {
  const dialog = await browser.open(url, { stop: isReturn });
  if (isReturn(dialog.url)) return dialog.url;
  const named: [string, string][] = [
    ['username', userName],
    ['password', 'correct horse'],
  ];
  const first = await browser.open(dialog.url, { form: [...named, ['action', 'begin']], stop: isReturn });
  if (isReturn(first.url)) return first.url;
  const boxes = boxesOn(first);
  if (!boxes.length) throw new Error(`the dialog says: ${textOf(first)}`);
  const chosen = (['page', 'scope'] as const).flatMap((name) => {
    const offered = boxes.filter((box) => box.name === name);
    const own = name === 'page' ? ticks.pages : ticks.scopes;
    const values = own
      ? own(offered.map(({ value }) => value))
      : offered.flatMap(({ value, checked }) => (checked ? [value] : []));
    return values.map((value): [string, string] => [name, value]);
  });
  const form: [string, string][] = [['username', userName], ...chosen, ['action', 'grant']];
  const second = await browser.open(first.url, { form, stop: isReturn });
  if (!isReturn(second.url)) throw new Error(`the dialog says: ${textOf(second)}`);
  return second.url;
}

const boxesOn = ({ html }: Shown): { name: string; value: string; checked: boolean }[] =>
  [...html.matchAll(/<input type="checkbox" name="(\w+)" value="([^"]*)"( checked)?/g)].map(
    ([, name = '', value = '', checked]) => ({ name, value, checked: checked !== undefined }),
  );

export const titleOf = ({ html }: Shown): string => /<h1>(.*)<\/h1>/.exec(html)?.[1] ?? '';
export const textOf = ({ html }: Shown): string => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

/** An active account, connected through the dialog as this person. */
export async function connectMeta(
  client: ApiClient,
  channel: MetaChannel,
  userName: string,
  more: object = {},
): Promise<any> {
  const browser = createBrowser();
  const login = await beginMeta(client, channel, more);
  await browser.open(await agree(browser, login.url, userName), { stop: () => true });
  return client.account(login.id, 'active');
}

let numbers = 0;
/** A user name of its own for a story, so that tests do not share Pages. */
export const personOf = (story: string): string => `${story}+${process.pid}.${(numbers += 1)}@meta.example`;

/** The WhatsApp number that the sandbox has from its start, and another one of the same business account. */
export const whatsappNumber = {
  access_token: 'EAAsandboxwhatsapp',
  business_account_id: '301000000000001',
  phone_number_id: '201000000000001',
} as const;
export const secondNumber = '201000000000002';

/** The active WhatsApp account of the sandbox's number, by the documented path; of one tenant it is always the same. */
export async function connectNumber(client: ApiClient, given: object = {}): Promise<any> {
  const { status, body } = await client.post('/api/platforms/whatsapp/connect', given);
  if (status !== 202) throw new Error(JSON.stringify(body));
  await client.step(body.account.id, 'done');
  const { body: account } = await client.get(`/api/v1/accounts/${body.account.id}`);
  return client.account(account.merged_into ?? account.id, 'active');
}

/** The message with this text, once it is there. */
export const messageWith = (client: ApiClient, account: string, text: string): Promise<any> =>
  eventually(`the message "${text}"`, async () => {
    const { body } = await client.get(`/api/v1/messages?account=${account}&limit=100`);
    return body.items.find((one: any) => one.text === text) ?? null;
  });

/** A message once it has this status, and its provider's answer where it is sent. */
export async function messageThat(client: ApiClient, id: string, status: string): Promise<any> {
  let last: any;
  const look = async (): Promise<any> => {
    last = (await client.get(`/api/v1/messages/${id}`)).body;
    if (last.status === 'failed' && status !== 'failed') throw new Error('it failed');
    return last.status === status && (status !== 'sent' || last.send?.state === 'sent') ? last : null;
  };
  try {
    return await eventually(`the message to be ${status}`, look);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`, { cause: error });
  }
}
