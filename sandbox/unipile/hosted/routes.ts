import express, { type Express, type Request, type Response } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonBody } from '../../server/api.ts';
import { PAGE_HEADERS } from '../../server/html.ts';
import { notFound, UnipileError } from '../errors.ts';
import { checkpointPage, choicePage, credentialsPage, endPage } from './html.ts';
import { bodyFor, expiryOf, type HostedLink, typesOf, wordOf } from './links.ts';
import { startOnPage, closeLink, type CurrentStep, currentStep, solveOnPage } from './login.ts';
import { anotherWay } from '../login/scenarios.ts';
import { parseBody, route, type Route } from '../request.ts';
import { getAccount, randomId, type State } from '../state.ts';
import type { AccountType } from '../types.ts';

export const linkRoute = (state: State): Route =>
  route('POST /hosted/accounts/link', { body: jsonBody }, (req, res) => {
    const body = parseBody(state, [bodyFor(state, (req.body as { type?: unknown } | undefined)?.type)], req.body);
    const known = body.type === 'reconnect' ? getAccount(state, body.reconnect_account) : null;
    const link: HostedLink = {
      id: randomId(),
      visitToken: randomId(),
      types: typesOf(body, known),
      known,
      expiresAt: expiryOf(state, body),
      body,
      state: 'open',
      attempt: null,
      attempts: 0,
      connected: null,
      notified: Promise.resolve(),
      redirected: false,
    };
    state.links.set(link.id, link);
    state.shared.clock.at(link.expiresAt, () => closeLink(state, link, 'expired'));
    const { hosted_object: object, hosted_link_status: status } = state.variants.values;
    const host = req.get('host') ?? `127.0.0.1:${req.socket.localPort}`;
    res.status(status).json({ object, url: `${req.protocol}://${host}/hosted/${link.id}` });
  });

type PageRequest = Request<{ id: string }>;

export function serveHostedPages(app: Express, state: State): void {
  const path = '/hosted/:id';
  app.get(path, (req: PageRequest, res) => onPage(state, req, res, (link) => show(state, link, req, res)));
  app.post(path, express.urlencoded({ extended: false, limit: '10kb' }), (req: PageRequest, res) =>
    onPage(state, req, res, (link) => submit(state, link, req, res)),
  );
}

/** An error is a page for a browser, and UniPile's JSON error for a program. */
async function onPage(
  state: State,
  req: PageRequest,
  res: Response,
  work: (link: HostedLink) => void | Promise<void>,
): Promise<void> {
  res.set(PAGE_HEADERS);
  try {
    const link = state.links.get(req.params.id);
    if (!link) throw notFound('Link');
    if (link.expiresAt <= state.shared.clock.now()) closeLink(state, link, 'expired');
    if (link.state === 'expired') throw unusable('This link has expired; ask for a new one.');
    if (link.state === 'open' && link.known && !state.accounts.has(link.known.id)) throw notFound('Account');
    await work(link);
  } catch (error) {
    if (!(error instanceof UnipileError) || !req.accepts('html')) throw error;
    res.status(error.status).type('html').send(endPage(error.title, error.message));
  }
}

const unusable = (detail: string): UnipileError => new UnipileError('expired_link', detail);

async function show(state: State, link: HostedLink, req: PageRequest, res: Response): Promise<void> {
  const visiting = req.query['visit'] === link.visitToken;
  if (link.state !== 'open') {
    if (!visiting && link.redirected) throw unusable('This link has been used; ask for a new one.');
    return redirectBack(state, link, res);
  }
  const step = currentStep(state, link);
  if (step && !visiting) return res.redirect(303, visitOf(link));
  if (step) return sendCheckpoint(res, step);
  const lapsed = link.attempt && 'The login was not finished in time; begin again.';
  const type = typeNamed(link, req.query['provider']) ?? link.attempt?.account.type ?? null;
  sendStart(res, link, type, lapsed);
}

/** Success redirects to the page, so that a reload does not send the form again. */
async function submit(state: State, link: HostedLink, req: PageRequest, res: Response): Promise<void> {
  const form = fieldsOf(req.body);
  // The form was sent twice, or in a second browser: the login has already continued.
  if (link.state !== 'open') return res.redirect(303, visitOf(link));
  if (form('action') === 'cancel') {
    closeLink(state, link, 'cancelled');
    return redirectBack(state, link, res);
  }
  const step = currentStep(state, link);
  const type = typeNamed(link, form('provider'));
  try {
    if (form('action') === 'begin' && !step) {
      if (!type) throw new UnipileError('invalid_parameters', 'Choose one of the services.');
      startOnPage(state, link, type, { username: form('username'), password: form('password') });
    } else if (step && form('at') === step.stepId) {
      if (form('action') === 'solve') solveOnPage(state, step, form('code'));
      if (form('action') === 'another') solveOnPage(state, step, 'TRY_ANOTHER_WAY');
    }
  } catch (error) {
    if (!(error instanceof UnipileError)) throw error;
    res.status(error.status);
    if (step) return sendCheckpoint(res, step, error.message);
    return sendStart(res, link, type, error.message, form('username'));
  }
  res.redirect(303, visitOf(link));
}

const visitOf = (link: HostedLink): string => `/hosted/${link.id}?visit=${link.visitToken}`;

/** Each once; a missing field is empty. */
function fieldsOf(body: unknown): (name: string) => string {
  const fields = (body ?? {}) as Record<string, string | string[]>;
  return (name) => [fields[name] ?? ''].flat()[0] ?? '';
}

/** A link for one service needs no name. */
function typeNamed({ types }: HostedLink, word: unknown): AccountType | null {
  if (word === undefined || word === '') return types.length === 1 ? types[0]! : null;
  return types.find((type) => type === word || wordOf(type) === word) ?? null;
}

function sendStart(
  res: Response,
  link: HostedLink,
  type: AccountType | null,
  problem: string | null,
  username = '',
): void {
  res.type('html').send(type ? credentialsPage(link, type, problem, username) : choicePage(link, problem));
}

function sendCheckpoint(res: Response, step: CurrentStep, problem?: string): void {
  const another = anotherWay(step.checkpoint, step.account.type) !== null;
  res.type('html').send(checkpointPage(step, another, problem ?? null));
}

/** How long a browser waits for the callback, in milliseconds. */
const LONGEST_WAIT = 2_000;

/** After the callback was tried. Without an address, a page shows the outcome. */
async function redirectBack(state: State, link: HostedLink, res: Response): Promise<void> {
  const impatient = new AbortController();
  await Promise.race([
    link.notified,
    sleep(LONGEST_WAIT, undefined, { signal: impatient.signal, ref: false }).catch(() => {}),
  ]);
  impatient.abort();
  link.redirected = true;
  const done = link.state === 'done';
  const url = done ? link.body.success_redirect_url : link.body.failure_redirect_url;
  if (url !== undefined) return res.redirect(303, done ? withAccount(state, link, url) : url);
  const page = done ? endPage('Connected', 'You can close this page.') : endPage('Cancelled', 'Nothing was connected.');
  res.type('html').send(page);
}

/** API v1 documents no parameters of the redirect; a variant adds the account. */
function withAccount(state: State, { connected }: HostedLink, url: string): string {
  if (!connected || !state.variants.values.hosted_redirect_account) return url;
  const target = new URL(url);
  target.searchParams.set('account_id', connected.id);
  target.searchParams.set('provider', wordOf(connected.type));
  return target.href;
}
