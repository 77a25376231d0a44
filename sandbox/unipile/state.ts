import { randomBytes } from 'node:crypto';
import { createLimits, type Limits } from '../server/limits.ts';
import type { Shared } from '../server/shared.ts';
import { createVariants, type Variants } from '../server/variants.ts';
import { createPendingEvents } from '../world/pending-events.ts';
import { createChatStore } from './chat-store.ts';
import { notFound } from './errors.ts';
import type { HostedLink } from './hosted/links.ts';
import type { Account, AccountType } from './types.ts';
import { unipileVariants, type UnipileVariants } from './variants.ts';

export interface Webhook {
  id: string;
  seq: number;
  source: string;
  name: string | undefined;
  requestUrl: string;
  format: 'json' | 'form';
  /** Null: every account, later ones included. */
  accountIds: string[] | null;
  enabled: boolean;
  headers: { key: string; value: string }[];
  events: string[] | null;
  data: { name: string; key: string }[];
}

export interface State {
  shared: Shared;
  variants: Variants<UnipileVariants>;
  limits: Limits;
  accounts: Map<string, Account>;
  byTag: Map<number, Account>;
  /** Ordered by `seq`, for paging. */
  list: Account[];
  webhooks: Map<string, Webhook>;
  /** Accounts with a login under way, by `Login.key`. */
  logins: Map<string, Account>;
  /** Numbers given to accounts that were scanned without one. */
  phones: Set<string>;
  links: Map<string, HostedLink>;
  /** Scheme, host and port of the latest API call: where expiring addresses lead. */
  origin: string;
  /** Epoch ms; the platform's daily restarts are counted from it. */
  startedAt: number;
  nextSeq: number;
}

export function createState(shared: Shared): State {
  return {
    shared,
    variants: createVariants(unipileVariants),
    limits: createLimits(shared.clock),
    accounts: new Map(),
    byTag: new Map(),
    list: [],
    webhooks: new Map(),
    logins: new Map(),
    phones: new Set(),
    links: new Map(),
    origin: 'http://127.0.0.1',
    startedAt: shared.clock.now(),
    nextSeq: 1,
  };
}

export function clearState(state: State): void {
  state.limits.reset();
  state.accounts.clear();
  state.byTag.clear();
  state.list.length = 0;
  state.webhooks.clear();
  state.logins.clear();
  state.phones.clear();
  state.links.clear();
  state.startedAt = state.shared.clock.now();
  state.nextSeq = 1;
}

export const randomId = (): string => randomBytes(16).toString('base64url');

/** `CONNECTING` until its login ends. */
export function addAccount(state: State, type: AccountType): Account {
  let id = randomId();
  while (state.byTag.has(tagOf(id))) id = randomId();
  const createdAt = state.shared.clock.now();
  const account: Account = {
    id,
    seq: state.nextSeq++,
    tag: tagOf(id),
    type,
    createdAt,
    connectedAt: createdAt,
    identity: null,
    status: 'CONNECTING',
    login: null,
    store: createChatStore(createdAt, 0, ''),
    pendingEvents: createPendingEvents(),
    syncCalls: 0,
  };
  state.accounts.set(id, account);
  state.byTag.set(account.tag, account);
  state.list.push(account);
  return account;
}

export function removeAccount(state: State, account: Account): void {
  endLogin(state, account);
  state.accounts.delete(account.id);
  state.byTag.delete(account.tag);
  state.list.splice(positionOf(state, account.seq), 1);
}

/** The first position whose `seq` is not lower. */
export function positionOf(state: State, seq: number): number {
  let [low, high] = [0, state.list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (state.list[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function endLogin(state: State, account: Account): void {
  const { login } = account;
  if (!login) return;
  login.cancelPlan();
  if (login.key !== null && state.logins.get(login.key) === account) state.logins.delete(login.key);
  account.login = null;
}

export function getAccount(state: State, id: string): Account {
  const account = state.accounts.get(id);
  if (!account) throw notFound('Account');
  return account;
}

/** How much of the history UniPile has copied, from 0 to 1; the newest comes first. */
export function syncedShare(state: State, account: Account): number {
  const { first_sync_seconds: seconds } = state.variants.values;
  if (seconds === 0) return 1;
  return Math.min(1, (state.shared.clock.now() - account.connectedAt) / (seconds * 1000));
}

function tagOf(id: string): number {
  return Buffer.from(id, 'base64url').readUInt32BE(0);
}

const ANSWERS = ['SYNC_STARTED', 'SYNC_RUNNING', 'SYNC_DONE'] as const;

/** Started, running, done, and again: one answer per call, so that no test has to wait. */
export function syncStatus(asked: { syncCalls: number }): (typeof ANSWERS)[number] {
  return ANSWERS[asked.syncCalls++ % ANSWERS.length]!;
}
