import { randomBytes } from 'node:crypto';
import type { Express, Request, Response } from 'express';
import { PAGE_HEADERS } from '../../server/html.ts';
import { findApp } from '../apps.ts';
import { personNamed, storyOf } from '../people.ts';
import type { State } from '../state.ts';
import type { App, Page, Person } from '../types.ts';
import { grantPage, loginPage, problemPage } from './html.ts';
import { ALWAYS, SCOPES, type LoginKind } from './scopes.ts';

/** What an address of the dialog asks for. */
interface Dialog {
  kind: LoginKind;
  app: App;
  redirectUri: string;
  state: string | undefined;
  scopes: string[];
  /** A declined permission is asked for again. */
  again: boolean;
}

const PATHS: Record<LoginKind, string> = { facebook: '/dialog/oauth', instagram: '/oauth/authorize' };

/** Pages for a browser without script; the version is taken off before. */
export function serveDialogs(app: Express, state: State): void {
  for (const kind of ['facebook', 'instagram'] as const) {
    app.get(PATHS[kind], (req, res) =>
      withDialog(state, kind, req, res, (dialog) => {
        res.type('html').send(loginPage(kind, dialog.scopes, null));
      }),
    );
    app.post(PATHS[kind], (req, res) => withDialog(state, kind, req, res, (dialog) => submit(state, dialog, req, res)));
  }
}

/** Nothing wrong is sent to an address that is not registered: it gets a page. */
function withDialog(state: State, kind: LoginKind, req: Request, res: Response, go: (dialog: Dialog) => void): void {
  res.set(PAGE_HEADERS);
  state.shared.calls.count('meta', req.method, PATHS[kind]);
  const problem = (title: string, text: string): void =>
    void res.status(400).type('html').send(problemPage(title, text));
  const query = (name: string): string | undefined => {
    const value = req.query[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const app = findApp(state, query('client_id') ?? '');
  if (!app) return problem('Invalid app ID', 'The provided app ID does not look like a valid app ID.');
  const redirectUri = query('redirect_uri');
  if (redirectUri === undefined || !isRegistered(state, redirectUri)) {
    return problem(
      'URL blocked',
      'This redirect failed because the redirect URI is not among the valid OAuth redirect URIs of the app.',
    );
  }
  if ((query('response_type') ?? 'code') !== 'code') return problem('Invalid response type', 'It must be code.');
  const asked = (query('scope') ?? '').split(/[\s,]+/).filter((one) => one !== '');
  const unknown = asked.filter((scope) => !(scope in SCOPES[kind]));
  if (unknown.length > 0) return problem('Invalid scopes', `Invalid Scopes: ${unknown.join(', ')}.`);
  const scopes = [...new Set([ALWAYS[kind], ...asked])];
  go({ kind, app, redirectUri, state: query('state'), scopes, again: query('auth_type') === 'rerequest' });
}

/** Loopback addresses, or those of the variant. */
function isRegistered(state: State, address: string): boolean {
  const { redirect_uris: registered } = state.variants.values;
  if (registered !== null) return registered.includes(address);
  const url = URL.parse(address);
  return url !== null && /^https?:$/.test(url.protocol) && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
}

function submit(state: State, dialog: Dialog, req: Request, res: Response): void {
  const form = (req.body ?? {}) as Record<string, string | string[] | undefined>;
  const field = (name: string): string => [form[name] ?? ''].flat()[0] ?? '';
  const { kind, scopes } = dialog;
  if (field('action') === 'cancel') return refuse(dialog, res);
  const userName = field('username').trim();
  if (userName === '')
    return void res
      .status(400)
      .type('html')
      .send(loginPage(kind, scopes, 'Enter your user name.'));
  const story = storyOf(userName);
  if (story === 'refuse') return refuse(dialog, res);
  const person = personNamed(state, userName);
  if (kind === 'instagram' && person.instagramId === null) {
    const problem = 'This is not a professional account. Only those can log in to an app.';
    return void res
      .status(400)
      .type('html')
      .send(loginPage(kind, scopes, problem, userName));
  }
  const pages = kind === 'facebook' ? person.pageIds.map((id) => state.world.pages.get(id)!) : [];
  const choice = {
    pages: pages.length > 1 ? pages : [],
    scopes: story === 'some-scopes' ? scopes : [],
    again: dialog.again,
  };
  const isChoosing = choice.pages.length > 0 || choice.scopes.length > 0;
  if (isChoosing && field('action') !== 'grant') return void res.type('html').send(grantPage(kind, person, choice));

  const ticked = (name: string): string[] => [form[name] ?? []].flat();
  const chosenPages = choosePages(choice.pages, pages, ticked('page'));
  const granted =
    choice.scopes.length > 0 ? [ALWAYS[kind], ...ticked('scope')].filter((one) => scopes.includes(one)) : scopes;
  sendCode(state, dialog, res, person, { scopes: [...new Set(granted)], pageIds: chosenPages.map(({ id }) => id) });
}

const choosePages = (offered: readonly Page[], all: readonly Page[], ticked: readonly string[]): readonly Page[] =>
  offered.length === 0 ? all : offered.filter(({ id }) => ticked.includes(id));

function sendCode(
  state: State,
  dialog: Dialog,
  res: Response,
  person: Person,
  granted: { scopes: string[]; pageIds: string[] },
): void {
  const code = `AQ${randomBytes(48).toString('base64url')}`;
  for (const scope of granted.scopes) person.granted.add(scope);
  state.world.codes.set(code, {
    ...granted,
    code,
    kind: dialog.kind,
    appId: dialog.app.id,
    redirectUri: dialog.redirectUri,
    userName: person.userName,
    until: state.shared.clock.now() + codeSeconds(state, dialog.kind) * 1000,
    used: false,
  });
  goBack(dialog, res, { code });
}

/** Instagram says an hour; of Facebook's nothing is known but that they are short-lived. */
const codeSeconds = (state: State, kind: LoginKind): number =>
  kind === 'instagram' ? 3600 : state.variants.values.code_seconds;

const refuse = (dialog: Dialog, res: Response): void =>
  goBack(dialog, res, {
    error: 'access_denied',
    error_reason: 'user_denied',
    error_description: dialog.kind === 'instagram' ? 'The user denied your request.' : 'Permissions error',
  });

/** Instagram appends `#_`, which is not part of the code. */
function goBack({ kind, redirectUri, state }: Dialog, res: Response, fields: Record<string, string>): void {
  const target = new URL(redirectUri);
  for (const [name, value] of Object.entries(fields)) target.searchParams.set(name, value);
  if (state !== undefined) target.searchParams.set('state', state);
  if (kind === 'instagram' && 'code' in fields) target.hash = '_';
  res.redirect(302, target.href);
}
