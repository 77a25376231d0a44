import type { ProviderCall } from '../../../providers/provider.ts';
import { WHATSAPP, type ConnectedPage, type MetaSandbox } from '../../sandbox/meta-sandbox.ts';
import { callTo } from './calls.ts';

export const messengerCall = (world: MetaSandbox, page: ConnectedPage): ProviderCall =>
  callTo(world.metaUrl, { providerAccountId: page.id, keys: { apiKey: page.token } });

/** Of an Instagram account that is linked to a Page: calls go to the Page. */
export const instagramCall = (world: MetaSandbox, page: ConnectedPage): ProviderCall =>
  callTo(world.metaUrl, {
    channel: 'instagram',
    providerAccountId: page.instagram,
    keys: { apiKey: page.token, node: page.id },
  });

export async function instagramLoginCall(world: MetaSandbox, userName = 'plain@a.test'): Promise<ProviderCall> {
  const { token, account } = await world.instagramToken(userName);
  const query = { grant_type: 'ig_exchange_token', client_secret: 'sandbox-app-secret', access_token: token };
  const address = `${world.metaUrl}/access_token?${new URLSearchParams(query).toString()}`;
  const { access_token: apiKey } = (await (await fetch(address)).json()) as { access_token: string };
  const keys = { apiKey, host: 'instagram' };
  return callTo(world.metaUrl, { channel: 'instagram', providerAccountId: account, keys });
}

export const whatsappCall = (world: MetaSandbox): ProviderCall =>
  callTo(world.metaUrl, {
    channel: 'whatsapp',
    providerAccountId: WHATSAPP.number,
    keys: { apiKey: WHATSAPP.token, business: WHATSAPP.waba },
  });

/** A person who has written to an account, and what. */
export interface Written {
  person: string;
  thread: string;
  messages: string[];
}

/** A person writes to the account of a call; as often as `count`. */
export async function write(world: MetaSandbox, call: ProviderCall, more: object = {}): Promise<Written> {
  const account = call.providerAccountId;
  const { body } = await world.control('POST', '/messages', { account_id: account, from: 'Ana', text: 'Hi', ...more });
  const chats = (await world.control('GET', `/conversations?account_id=${account}`)).body;
  const chat = chats.find((one: { chat_id: string }) => one.chat_id === body.chat_id);
  return {
    person: chat.provider_chat_id,
    thread: body.chat_id,
    messages: body.messages.map((one: { message_id: string }) => one.message_id),
  };
}
