import { notFound, UnipileError } from '../errors.ts';
import type { HostedLink } from './links.ts';
import type { LoginBody } from '../login/bodies.ts';
import { runningLogin, solveCheckpoint, startLogin } from '../login/login.ts';
import { endLogin, removeAccount, type State } from '../state.ts';
import type { Account, AccountType, Checkpoint, Login } from '../types.ts';

export interface CurrentStep {
  account: Account;
  login: Login;
  checkpoint: Checkpoint;
  /** An answer to an earlier step is ignored. */
  stepId: string;
}

/** Null without a login, and when it lapsed or was replaced by one that started elsewhere. */
export function currentStep(state: State, link: HostedLink): CurrentStep | null {
  if (!link.attempt) return null;
  const { account, login } = link.attempt;
  const [checkpoint] = login.steps;
  if (account.login !== login || !checkpoint || hasLapsed(state, login)) return null;
  const source = checkpoint.type === '2FA' ? checkpoint.source : '';
  return { account, login, checkpoint, stepId: `${link.attempts}-${login.steps.length}-${checkpoint.type}${source}` };
}

const hasLapsed = (state: State, { deadline, steps, qrUntil }: Login): boolean =>
  Math.min(deadline, steps[0]?.type === 'QRCODE' ? qrUntil : Infinity) <= state.shared.clock.now();

/** After a lapsed login it uses the same account. Throws the errors of the API. */
export function startOnPage(
  state: State,
  link: HostedLink,
  type: AccountType,
  { username, password }: { username: string; password: string },
): void {
  const body = loginOf(type, username, password, link.known);
  if (link.known && !state.accounts.has(link.known.id)) throw notFound('Account');
  if (link.attempt?.account.type !== type) discardAttempt(state, link);
  const lapsed = link.attempt && state.accounts.get(link.attempt.account.id);
  const { account } = startLogin(state, body, link.known ?? lapsed ?? null, (connected, kind) =>
    finish(state, link, connected, kind),
  );
  link.attempts++;
  link.attempt = account.login && { account, login: account.login };
}

/** Throws for a wrong answer, which may be given again. */
export function solveOnPage(state: State, { account }: CurrentStep, code: string): void {
  runningLogin(state, account);
  solveCheckpoint(state, account, code);
}

function loginOf(provider: AccountType, username: string, password: string, known: Account | null): LoginBody {
  if (provider === 'WHATSAPP' || provider === 'TELEGRAM') return { provider };
  if (!username || !password) throw new UnipileError('missing_parameters', 'Enter user name and password.');
  if (provider === 'TWITTER') return { provider, username, email: username };
  if (provider !== 'MAIL') return { provider, username };
  const host = 'mail.sandbox.example';
  return {
    provider,
    imap_user: username,
    smtp_user: username,
    ...(!known && { imap_host: host, imap_port: 993, smtp_host: host, smtp_port: 465 }),
  };
}

function finish(state: State, link: HostedLink, account: Account, kind: Login['kind']): void {
  link.state = 'done';
  link.connected = account;
  link.attempt = null;
  link.notified = notify(state, link, kind === 'create' ? 'CREATION_SUCCESS' : 'RECONNECTED', account.id);
}

export function closeLink(state: State, link: HostedLink, as: 'cancelled' | 'expired'): void {
  if (link.state !== 'open') return;
  const begun = link.known?.id ?? link.attempt?.account.id ?? null;
  discardAttempt(state, link);
  link.state = as;
  if (state.variants.values.hosted_notify_failure) link.notified = notify(state, link, 'CREATION_FAILED', begun);
}

/** Removes the account that the page's login made, unless it was connected before or is used elsewhere. */
function discardAttempt(state: State, link: HostedLink): void {
  const { attempt } = link;
  link.attempt = null;
  if (!attempt || state.accounts.get(attempt.account.id) !== attempt.account) return;
  const { account, login } = attempt;
  if (account.login && account.login !== login) return;
  if (account.identity === null && account !== link.known) removeAccount(state, account);
  else endLogin(state, account);
}

/** The page's callback is not one of the webhooks. Resolves after the first try. */
function notify(state: State, link: HostedLink, status: string, accountId: string | null): Promise<void> {
  const { notify_url: url, name } = link.body;
  if (url === undefined) return Promise.resolve();
  const variants = state.variants.values;
  return new Promise((tried) =>
    state.shared.deliveries.send({
      provider: 'unipile',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status, account_id: accountId, ...(name !== undefined && { name }) }),
      lane: `unipile hosted ${link.id}`,
      label: `hosted ${status}`,
      retries: variants.hosted_notify_retries,
      retryBaseSeconds: variants.webhook_retry_base_seconds,
      timeoutSeconds: variants.webhook_timeout_seconds,
      succeeded: (code) => code >= 200 && code < 300,
      tried,
    }),
  );
}
