import express, { type Express, type Request, type Response } from 'express';
import { UnipileError } from '../errors.ts';
import type { Route } from '../http.ts';
import { begin, runningLogin, solve } from '../login/login.ts';
import { endLogin, getAccount, randomId, removeAccount, type State } from '../state.ts';
import type { Account, AccountType, Login } from '../types.ts';
import type { LoginBody } from '../login/bodies.ts';
import { parseBody } from '../validate.ts';
import { checkpointPage, endPage, startPage } from './html.ts';
import { createLinkBody, expiredLink, expiryOf, reconnectLinkBody, typesOf, type HostedLink } from './links.ts';

/** `POST /hosted/accounts/link`: answers the address of a page for one login. */
export const linkRoute = (state: State): Route => ({
  method: 'post',
  path: '/hosted/accounts/link',
  body: 'json',
  handle(req, res) {
    const shape =
      (req.body as { type?: unknown } | undefined)?.type === 'reconnect' ? reconnectLinkBody : createLinkBody;
    const body = parseBody(state, [shape], req.body);
    const known = body.type === 'reconnect' ? getAccount(state, body.reconnect_account) : null;
    const link: HostedLink = {
      id: randomId(),
      types: typesOf(body, known),
      known,
      expiresAt: expiryOf(state, body),
      body,
      account: null,
      problem: null,
      done: false,
    };
    state.links.set(link.id, link);
    const object = state.variants.values.hosted_object;
    res.status(201).json({ object, url: `${req.protocol}://${req.get('host')}/hosted/${link.id}` });
  },
});

/** The pages behind the links, for a browser or plain HTTP. A form is answered by a redirect to the page. */
export function serveHostedPages(app: Express, state: State): void {
  const path = '/hosted/:id';
  app.get(path, (req: Request<{ id: string }>, res) => onPage(state, req, res, (link) => show(state, link, res)));
  app.post(path, express.urlencoded({ extended: false, limit: '10kb' }), (req: Request<{ id: string }>, res) =>
    onPage(state, req, res, (link) => submit(state, link, (req.body ?? {}) as Record<string, string>, req, res)),
  );
}

/** Finds the link; an unknown or expired one is a page that says so, or UniPile's error for a program. */
function onPage(state: State, req: Request<{ id: string }>, res: Response, work: (link: HostedLink) => void): void {
  res.set({ 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'", 'cache-control': 'no-store' });
  const link = state.links.get(req.params.id);
  const expired = link !== undefined && !link.done && link.expiresAt <= state.shared.clock.now();
  if (link && !expired) return work(link);
  const error = link
    ? expiredLink()
    : new UnipileError(404, 'resource_not_found', 'Not found', 'There is no such link.');
  if (link?.account) abandon(state, link);
  if (!req.accepts('html')) throw error;
  res.status(error.status).type('html').send(endPage(error.title, error.message));
}

function show(state: State, link: HostedLink, res: Response): void {
  const { account } = link;
  if (link.done) return leave(res, link.body.success_redirect_url, 'Connected', 'You can close this page.');
  const login = account && openLogin(state, account);
  const [checkpoint] = login?.steps ?? [];
  const html = login && checkpoint ? checkpointPage(link, account.id, mark(login), checkpoint) : startPage(link);
  link.problem = null;
  res.type('html').send(html);
}

function submit(state: State, link: HostedLink, form: Record<string, string>, req: Request, res: Response): void {
  if (form['action'] === 'cancel' && !link.done) {
    abandon(state, link);
    state.links.delete(link.id);
    return leave(res, link.body.failure_redirect_url, 'Cancelled', 'Nothing was connected.');
  }
  try {
    const login = link.account && openLogin(state, link.account);
    if (form['action'] === 'begin' && !login && !link.done) start(state, link, form);
    // A form that is sent twice finds the login a step further.
    else if (form['action'] === 'solve' && login && link.account && form['at'] === mark(login))
      solve(state, link.account, form['code'] ?? '');
  } catch (error) {
    if (!(error instanceof UnipileError)) throw error;
    link.problem = error.message;
  }
  res.redirect(303, req.path);
}

function start(state: State, link: HostedLink, form: Record<string, string>): void {
  const type = link.types.find((one) => one === form['provider']) ?? link.types[0]!;
  const body = loginOf(type, form['username'] ?? '', form['password'] ?? '');
  const { account } = begin(state, body, link.known, (finished, kind) => finish(state, link, finished, kind));
  link.account = account;
}

/** What a login by the page's form is to the service. */
function loginOf(provider: AccountType, username: string, password: string): LoginBody {
  if (provider === 'WHATSAPP' || provider === 'TELEGRAM') return { provider };
  if (!username || !password)
    throw new UnipileError(400, 'missing_parameters', 'Missing', 'Enter user name and password.');
  const host = 'mail.sandbox.example';
  if (provider === 'MAIL')
    return {
      provider,
      imap_user: username,
      imap_host: host,
      imap_port: 993,
      smtp_user: username,
      smtp_host: host,
      smtp_port: 465,
    };
  if (provider === 'GOOGLE_OAUTH') return { provider, access_token: username, refresh_token: 'hosted' };
  return { provider, username, email: username };
}

function finish(state: State, link: HostedLink, account: Account, kind: Login['kind']): void {
  link.done = true;
  const { notify_url: url, name } = link.body;
  if (url === undefined) return;
  const status = kind === 'create' ? 'CREATION_SUCCESS' : 'RECONNECTED';
  state.shared.deliveries.send({
    provider: 'unipile',
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status, account_id: account.id, ...(name !== undefined && { name }) }),
    lane: `unipile hosted ${link.id}`,
    label: `hosted ${status}`,
    retries: state.variants.values.hosted_notify_retries,
    retryBaseSeconds: state.variants.values.webhook_retry_base_seconds,
    timeoutSeconds: state.variants.values.webhook_timeout_seconds,
    succeeded: (code) => code >= 200 && code < 300,
  });
}

/** The login on the page that still runs; what lapsed begins anew. */
function openLogin(state: State, account: Account): Login | null {
  try {
    const login = runningLogin(state, account);
    return login.steps[0]?.type === 'QRCODE' && login.qrUntil <= state.shared.clock.now() ? null : login;
  } catch {
    return null;
  }
}

const mark = (login: Login): string => `${login.steps.length}-${login.steps[0]?.type ?? ''}`;

/** Nobody finishes the login any more: what it made goes. */
function abandon(state: State, link: HostedLink): void {
  const { account } = link;
  link.account = null;
  if (!account || link.done) return;
  if (account.identity === null && state.accounts.has(account.id)) removeAccount(state, account);
  else endLogin(state, account);
}

function leave(res: Response, url: string | undefined, title: string, text: string): void {
  if (url) res.redirect(303, url);
  else res.type('html').send(endPage(title, text));
}
