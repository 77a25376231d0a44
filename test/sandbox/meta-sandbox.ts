import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { walkDialog, type DialogAnswers } from '../support/meta-dialog.ts';
import { startTestSandbox, type Answer, type Received, type TestSandbox } from './test-sandbox.ts';

export const APP = { id: 'sandbox-app', secret: 'sandbox-app-secret' };
export const APP_TOKEN = `${APP.id}|${APP.secret}`;
export const WHATSAPP = { token: 'EAAsandboxwhatsapp', waba: '301000000000001', number: '201000000000001' };
export const REDIRECT = 'http://127.0.0.1:9/back';
export const SCOPES =
  'pages_show_list,pages_messaging,pages_manage_metadata,pages_read_engagement,instagram_basic,instagram_manage_messages';
export const INSTAGRAM_SCOPES = 'instagram_business_basic,instagram_business_manage_messages';

type Params = Record<string, unknown>;

export interface GraphAnswer extends Answer {
  headers: Headers;
}

/** A Page with the tokens that lead to it. */
export interface ConnectedPage {
  id: string;
  token: string;
  userToken: string;
  /** Null where none is linked. */
  instagram: string | null;
}

export interface MetaSandbox extends TestSandbox {
  /** With parameters in the query of a GET or DELETE, else as JSON. `path` is below the version. */
  graph(method: string, path: string, token?: string | null, params?: Params): Promise<GraphAnswer>;
  variant(name: string, value: unknown): Promise<Answer>;
  later(seconds: number): Promise<Answer>;
  dialog(kind: 'facebook' | 'instagram', query?: Record<string, string>): string;
  /** Where the dialog leads: an address with `code` or `error`. */
  login(userName: string, query?: Record<string, string>, answers?: DialogAnswers): Promise<URL>;
  /** A long-lived user token. */
  userToken(userName: string): Promise<string>;
  /** The person's first Page. */
  page(userName: string): Promise<ConnectedPage>;
  /** Of Instagram login, short-lived. */
  instagramToken(userName: string): Promise<{ token: string; account: string }>;
  /** Registers the app's webhooks of an object, and the Page for them. */
  listen(receiver: MetaReceiver, page: ConnectedPage | null, fields?: string): Promise<void>;
}

export async function startMetaSandbox(file?: string): Promise<MetaSandbox> {
  const sandbox = await startTestSandbox(file);
  const base = sandbox.metaUrl;

  const graph: MetaSandbox['graph'] = async (method, path, token = null, params = {}) => {
    const url = new URL(`${base}/v26.0${path}`);
    const inQuery = method === 'GET' || method === 'DELETE';
    if (token !== null) url.searchParams.set('access_token', token);
    if (inQuery) for (const [name, value] of Object.entries(params)) url.searchParams.set(name, textOf(value));
    const response = await fetch(url, {
      method,
      ...(!inQuery && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(params) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };

  const dialog: MetaSandbox['dialog'] = (kind, query = {}) => {
    const path = kind === 'facebook' ? '/v26.0/dialog/oauth' : '/oauth/authorize';
    const scope = kind === 'facebook' ? SCOPES : INSTAGRAM_SCOPES;
    const all = { client_id: APP.id, redirect_uri: REDIRECT, response_type: 'code', scope, state: 'state-1', ...query };
    return `${base}${path}?${new URLSearchParams(all).toString()}`;
  };

  const exchange = async (code: string): Promise<string> => {
    const keys = { client_id: APP.id, client_secret: APP.secret };
    const short = await graph('GET', '/oauth/access_token', null, { ...keys, redirect_uri: REDIRECT, code });
    const long = await graph('GET', '/oauth/access_token', null, {
      ...keys,
      grant_type: 'fb_exchange_token',
      fb_exchange_token: short.body.access_token,
    });
    return long.body.access_token;
  };

  const meta: MetaSandbox = {
    ...sandbox,
    graph,
    dialog,
    variant: (name, value) => sandbox.control('PUT', '/variants', { provider: 'meta', name, value }),
    later: (seconds) => sandbox.control('POST', '/clock', { advance_seconds: seconds }),
    async login(userName, query, answers) {
      return new URL((await walkDialog(dialog('facebook', query), userName, answers)).url);
    },
    async userToken(userName) {
      const back = await meta.login(userName);
      return exchange(back.searchParams.get('code') ?? '');
    },
    async page(userName) {
      const userToken = await meta.userToken(userName);
      const fields = 'id,access_token,instagram_business_account{id}';
      const [first] = (await graph('GET', '/me/accounts', userToken, { fields })).body.data;
      return {
        id: first.id,
        token: first.access_token,
        userToken,
        instagram: first.instagram_business_account?.id ?? null,
      };
    },
    async instagramToken(userName) {
      const back = new URL((await walkDialog(dialog('instagram'), userName)).url);
      const response = await fetch(`${base}/oauth/access_token`, {
        method: 'POST',
        body: new URLSearchParams({
          client_id: APP.id,
          client_secret: APP.secret,
          grant_type: 'authorization_code',
          redirect_uri: REDIRECT,
          code: back.searchParams.get('code') ?? '',
        }),
      });
      const { data } = (await response.json()) as { data: [{ access_token: string; user_id: string }] };
      return { token: data[0].access_token, account: data[0].user_id };
    },
    async listen(receiver, page, fields = ALL_FIELDS) {
      for (const object of ['page', 'instagram', 'whatsapp_business_account']) {
        const registered = await graph('POST', `/${APP.id}/subscriptions`, APP_TOKEN, {
          object,
          callback_url: receiver.url,
          verify_token: receiver.verifyToken,
          fields,
        });
        if (registered.status !== 200) throw new Error(JSON.stringify(registered.body));
      }
      if (page) await graph('POST', `/${page.id}/subscribed_apps`, page.token, { subscribed_fields: fields });
      else await graph('POST', `/${WHATSAPP.waba}/subscribed_apps`, WHATSAPP.token);
    },
  };
  return meta;
}

export const ALL_FIELDS =
  'messages,messaging_postbacks,message_deliveries,message_reads,message_reactions,message_echoes,message_edits,' +
  'message_edit,messaging_seen,account_update,smb_message_echoes';

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export interface MetaReceiver {
  url: string;
  verifyToken: string;
  received: Received[];
  /** Items of `messaging` and `changes`, in the order in which they came. */
  items(): { object: string; entry: string; item: any }[];
  /** The statuses of the next answers; afterwards 200. */
  answers: number[];
  /** Every answer, while it is set. */
  always: number | null;
  until(count: number): Promise<Received[]>;
  close(): Promise<void>;
}

function parsed(text: string): any {
  try {
    return text.startsWith('{') ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** Answers the challenge of its verify token, and keeps every signed body. */
export async function startMetaReceiver(verifyToken = 'verify-me'): Promise<MetaReceiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://receiver');
    if (req.method === 'GET') {
      const isRight = url.searchParams.get('hub.verify_token') === verifyToken;
      return void res.writeHead(isRight ? 200 : 403).end(url.searchParams.get('hub.challenge'));
    }
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      res.writeHead(receiver.always ?? receiver.answers.shift() ?? 200).end();
      received.push({ headers: req.headers, text, body: parsed(text) });
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: MetaReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    verifyToken,
    received,
    answers: [],
    always: null,
    items: () =>
      received.flatMap(({ body }) =>
        (body?.entry ?? []).flatMap((entry: any) =>
          (entry.messaging ?? entry.changes).map((item: any) => ({ object: body.object, entry: entry.id, item })),
        ),
      ),
    until: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (received.length < count) return;
          waiting.delete(check);
          resolve(received);
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** As Meta signs: over the bytes of the body. */
export const signatureOf = (text: string, algorithm: 'sha256' | 'sha1' = 'sha256', secret = APP.secret): string =>
  `${algorithm}=${createHmac(algorithm, secret).update(text).digest('hex')}`;
