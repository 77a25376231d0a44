import { randomBytes } from 'node:crypto';
import { qrCodeText } from '../../world/whatsapp.ts';
import { invalid, notImplemented, UnipileError } from '../errors.ts';
import type { LoginBody } from './bodies.ts';
import { identityOf, numberFor, phoneIdentity, usernameOf } from './identity.ts';
import { anotherWay, solves, scenarioOf } from './scenarios.ts';
import { addAccount, endLogin, type State } from '../state.ts';
import type { Account, Checkpoint, Identity, Login, WhenDone } from '../types.ts';
import { isMail } from '../views/accounts.ts';
import { emitStatus } from '../webhooks.ts';
import { createPeople } from '../../world/generated-people.ts';

/** With one group, these have twelve chats. */
const DEFAULT_PEOPLE = 11;

export type LoginResult = { account: Account } & ({ done: Login['kind'] } | { checkpoint: Checkpoint });

/** `POST /accounts`, or `POST /accounts/{id}` with `known`. Throws 401 and 425. */
export function startLogin(
  state: State,
  body: LoginBody,
  known: Account | null,
  whenDone: WhenDone = () => {},
): LoginResult {
  const kind = known && known.identity ? 'reconnect' : 'create';
  const username = usernameOf(body, known?.identity ?? null);
  if (username === null) return startQrLogin(state, body, known, kind, whenDone);
  const scenario = scenarioOf(username);
  const key = `${body.provider} ${username}`;
  refuseConcurrentLogin(state, key);
  if (scenario === null) throw new UnipileError('invalid_credentials', 'The user name or password is wrong.');
  const identity = mergeIdentity(known, identityOf(body, username));
  if (known?.identity && known.identity.providerId !== identity.providerId) {
    throw new UnipileError('account_mismatch', 'These credentials belong to another account.');
  }
  const account = known ?? addAccount(state, body.provider);
  const login = openLogin(state, account, { kind, key, steps: scenario, identity, whenDone });
  return nextStep(state, account, login);
}

/** Throws 401 for a wrong answer, which may be given again, and 403 without a login. */
export function solveCheckpoint(state: State, account: Account, code: string): LoginResult {
  const login = runningLogin(state, account);
  const present = login.steps[0]!;
  if (present.type === 'QRCODE') throw invalid('A QR code is solved by scanning it.');
  if (code === 'TRY_ANOTHER_WAY') {
    const other = anotherWay(present, account.type);
    if (!other) throw new UnipileError('checkpoint_error', 'There is no other way for this checkpoint.');
    login.steps[0] = other;
    return nextStep(state, account, login);
  }
  if (!solves(present, code)) {
    throw new UnipileError('invalid_checkpoint_solution', 'The answer is wrong; try again.');
  }
  if (present.type === 'CONTRACT_CHOOSER' && login.identity) login.identity.params['premiumContractId'] = code;
  login.steps.shift();
  return nextStep(state, account, login);
}

/** Throws 403 when there is no login or it has lapsed. */
export function runningLogin(state: State, account: Account): Login {
  const { login } = account;
  if (!login || login.deadline <= state.shared.clock.now()) {
    if (login) endLogin(state, account);
    throw new UnipileError('unknown_authentication_context', 'No login is running for this account.');
  }
  return login;
}

/** A scan, an approval, or a captcha solved on the owner's device. */
export function confirmOnDevice(state: State, account: Account, phone?: string): void {
  const { login } = account;
  if (!login) return;
  if (login.steps[0]?.type === 'QRCODE') {
    const number = phone ?? login.pairingPhone ?? account.identity?.phone ?? numberFor(state, account);
    login.identity = mergeIdentity(account, phoneIdentity(account.type, number));
  }
  login.steps.shift();
  nextStep(state, account, login);
}

function startQrLogin(
  state: State,
  body: LoginBody,
  known: Account | null,
  kind: Login['kind'],
  whenDone: WhenDone,
): LoginResult {
  if (body.provider !== 'WHATSAPP' && body.provider !== 'TELEGRAM')
    throw notImplemented('This login needs credentials.');
  const account = known ?? addAccount(state, body.provider);
  const qrcode: Checkpoint = { type: 'QRCODE', qrcode: qrText(body.provider) };
  if (body.pairing_phone_number !== undefined) qrcode.pairing_code = pairingCode();
  const login = openLogin(state, account, { kind, key: null, steps: [qrcode], identity: null, whenDone });
  const { qr_seconds, auto_scan_seconds: auto } = state.variants.values;
  const now = state.shared.clock.now();
  login.pairingPhone = body.pairing_phone_number ?? null;
  login.qrUntil = now + qr_seconds * 1000;
  if (auto !== null && auto <= qr_seconds) {
    login.cancelPlan = state.shared.clock.at(now + auto * 1000, () => confirmOnDevice(state, account));
  }
  return { account, checkpoint: qrcode };
}

function openLogin(
  state: State,
  account: Account,
  start: Pick<Login, 'kind' | 'key' | 'steps' | 'identity' | 'whenDone'>,
): Login {
  endLogin(state, account);
  const deadline = state.shared.clock.now() + state.variants.values.attempt_seconds * 1000;
  const login: Login = { ...start, deadline, pairingPhone: null, qrUntil: 0, cancelPlan: () => {} };
  account.login = login;
  if (login.key !== null) state.logins.set(login.key, account);
  return login;
}

/** Throws 425 during another login of the same identity. */
function refuseConcurrentLogin(state: State, key: string): void {
  const other = state.logins.get(key);
  if (!other?.login) return;
  if (other.login.deadline <= state.shared.clock.now()) endLogin(state, other);
  else throw new UnipileError('auth_in_progress', 'A login for this identity is already running.');
}

function nextStep(state: State, account: Account, login: Login): LoginResult {
  const next = login.steps[0];
  if (!next) {
    finishLogin(state, account, login);
    return { account, done: login.kind };
  }
  const { auto_approve_seconds: auto } = state.variants.values;
  login.cancelPlan();
  if (next.type === 'IN_APP_VALIDATION' && auto !== null) {
    const at = state.shared.clock.now() + auto * 1000;
    login.cancelPlan = state.shared.clock.at(at, () => confirmOnDevice(state, account));
  }
  return { account, checkpoint: next };
}

function finishLogin(state: State, account: Account, login: Login): void {
  endLogin(state, account);
  const first = account.identity === null;
  account.identity = login.identity;
  account.status = 'OK';
  const { people } = account.store;
  // The same identity in two accounts knows the same people.
  if (first && people.seed === '' && !isMail(account.type)) {
    account.store.people = createPeople(DEFAULT_PEOPLE, `${account.type} ${account.identity?.providerId ?? ''}`);
  }
  const words = login.kind === 'create' ? ['CREATION_SUCCESS', 'OK'] : ['RECONNECTED', 'OK'];
  for (const message of words) emitStatus(state, account, message);
  if (login.kind === 'create') startFirstSync(state, account);
  account.pendingEvents.release();
  login.whenDone(account, login.kind);
}

function startFirstSync(state: State, account: Account): void {
  const { clock } = state.shared;
  const { first_sync_seconds: seconds } = state.variants.values;
  account.connectedAt = clock.now();
  const finish = (): void => {
    if (state.accounts.has(account.id)) emitStatus(state, account, 'SYNC_SUCCESS');
  };
  if (seconds === 0) finish();
  else clock.at(clock.now() + seconds * 1000, finish);
}

/** On a reconnect, values that the new credentials lack stay (a mail account's hosts). */
function mergeIdentity(known: Account | null, identity: Identity): Identity {
  if (!known?.identity) return identity;
  const changed = Object.fromEntries(
    Object.entries(identity.params).filter(([, value]) => value !== undefined && value !== null),
  );
  return { ...identity, params: { ...known.identity.params, ...changed } };
}

const qrText = (type: 'WHATSAPP' | 'TELEGRAM'): string =>
  type === 'WHATSAPP' ? qrCodeText() : `tg://login?token=${randomBytes(24).toString('base64url')}`;

/** Two halves of four, as WhatsApp shows them. */
function pairingCode(): string {
  const letters = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';
  const code = Array.from(randomBytes(8), (byte) => letters[byte % letters.length]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
