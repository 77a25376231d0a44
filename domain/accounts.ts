import { isDeepStrictEqual } from 'node:util';
import type { FailureCode } from './failures.ts';

/** Which side must act next for the account to work. */
export const whoNames = ['owner', 'operator', 'nobody'] as const;
export type Who = (typeof whoNames)[number];

export const accountStates = [
  'connecting',
  'active',
  'degraded',
  'reconnect_required',
  'disconnected',
  'failed',
] as const;
export type AccountState = (typeof accountStates)[number];

export interface AccountStatus {
  state: AccountState;
  reason: string | null;
  who: Who;
  since: Date;
}

/** `degraded`: trouble that may pass by itself. `linked`: the login works. */
export type AccountEvent =
  | { type: 'login_began'; at: Date }
  | { type: 'linked'; at: Date }
  | { type: 'degraded'; at: Date; reason: string }
  /** The provider refuses the key of the account's credentials: only an operator can mend that. */
  | { type: 'key_refused'; at: Date }
  /** Webhooks do not bring what the provider has; everything else works. */
  | { type: 'webhooks_missed'; at: Date }
  | { type: 'webhooks_arrive'; at: Date }
  /** The account's token ends soon and could not be renewed: its owner must. */
  | { type: 'token_expiring'; at: Date }
  | { type: 'token_expired'; at: Date }
  | { type: 'token_renewed'; at: Date }
  | { type: 'login_lost'; at: Date; reason: string }
  | { type: 'login_failed'; at: Date; reason: string; who: Who; resume: 'failed' | 'reconnect_required' }
  | { type: 'disconnected'; at: Date }
  /** Its login was merged into an account of the same identity. */
  | { type: 'merged'; at: Date };

const working = ['active', 'degraded'] as const;

/** The reason of an account whose webhooks do not come. */
const webhooksMissed = 'webhooks_missed' satisfies FailureCode;

/** Whether the account is degraded by its webhooks alone. */
export const lacksWebhooks = ({ state, reason }: Pick<AccountStatus, 'state' | 'reason'>): boolean =>
  state === 'degraded' && reason === webhooksMissed;

const tokenExpiring = 'token_expiring' satisfies FailureCode;
const tokenExpired = 'token_expired' satisfies FailureCode;

/** Whether the account works, and its owner must log in before its token ends. */
export const isExpiring = ({ state, reason }: Pick<AccountStatus, 'state' | 'reason'>): boolean =>
  state === 'degraded' && reason === tokenExpiring;

/** Why an account can be degraded although its login works. */
export const workingReasons: readonly string[] = [webhooksMissed, tokenExpiring];

/** Whether the login works: the provider can be read, and takes messages. */
export const isWorking = ({ state, reason }: Pick<AccountStatus, 'state' | 'reason'>): boolean =>
  state === 'active' || (state === 'degraded' && reason !== null && workingReasons.includes(reason));

/** How long an account may be degraded before it counts as a lost login. */
export const degradedPatienceMs = 30 * 60_000;

const minute = 60_000;
const hour = 60 * minute;

/** How long an account rests between two checks without any report, in milliseconds; those in trouble twice as long each time. */
const checkRests = {
  // The sweep of platforms collects details daily, which is a check as well: this is for when it does not.
  active: { shortest: 25 * hour, longest: 25 * hour },
  degraded: { shortest: 5 * minute, longest: 5 * minute },
  reconnect_required: { shortest: 5 * minute, longest: 6 * hour },
  connecting: null,
  disconnected: null,
  failed: null,
} as const satisfies Record<AccountState, { shortest: number; longest: number } | null>;

/**
 * When an account that was checked, or that changed, `at` that moment is checked next although nothing is reported: the
 * report may be lost. Null for an account that is not connected.
 */
export function nextCheckAt(status: Pick<AccountStatus, 'state' | 'reason' | 'since'>, at: Date): Date | null {
  const rest = checkRests[isWorking(status) ? 'active' : status.state];
  if (!rest) return null;
  const lasted = at.getTime() - status.since.getTime();
  return new Date(at.getTime() + Math.min(Math.max(lasted, rest.shortest), rest.longest));
}

/** States that only a new attempt leaves: a late status report does not change them. */
const resting: ReadonlySet<AccountState> = new Set(['disconnected', 'failed', 'connecting']);

/** The only writer of an account's state. Returns the same object when nothing changes: callers compare by identity. */
export function transition(status: AccountStatus, event: AccountEvent): AccountStatus {
  const to = (state: AccountState, reason: string | null, who: Who): AccountStatus =>
    status.state === state && status.reason === reason && status.who === who
      ? status
      : { state, reason, who, since: event.at };

  switch (event.type) {
    case 'login_began':
      return to('connecting', null, 'owner');
    case 'linked':
      // A status of the provider says nothing of the webhooks, nor of a token that still works.
      return lacksWebhooks(status) || isExpiring(status) ? status : to('active', null, 'nobody');
    case 'webhooks_missed':
      return status.state === 'active' ? to('degraded', webhooksMissed, 'nobody') : status;
    case 'webhooks_arrive':
      return lacksWebhooks(status) ? to('active', null, 'nobody') : status;
    case 'token_expiring':
      return status.state === 'active' || lacksWebhooks(status) ? to('degraded', tokenExpiring, 'owner') : status;
    case 'token_expired':
      return working.some((state) => state === status.state) ? to('reconnect_required', tokenExpired, 'owner') : status;
    case 'token_renewed':
      return isExpiring(status) || (status.state === 'reconnect_required' && status.reason === tokenExpired)
        ? to('active', null, 'nobody')
        : status;
    case 'key_refused':
      return working.some((state) => state === status.state)
        ? to('degraded', 'provider_key_rejected' satisfies FailureCode, 'operator')
        : status;
    case 'degraded': {
      // While the key was refused nothing was known of the account.
      if (isWorking(status) || status.reason === 'provider_key_rejected') return to('degraded', event.reason, 'nobody');
      if (status.state !== 'degraded') return status;
      const lasted = event.at.getTime() - status.since.getTime();
      return lasted >= degradedPatienceMs ? to('reconnect_required', event.reason, 'owner') : status;
    }
    case 'login_lost':
      return resting.has(status.state) ? status : to('reconnect_required', event.reason, 'owner');
    case 'login_failed':
      // Any other state says that something newer than the failed login has decided: a login that succeeded, for one.
      return status.state === 'connecting' ? to(event.resume, event.reason, event.who) : status;
    case 'disconnected':
      return to('disconnected', null, 'nobody');
    case 'merged':
      return to('disconnected', 'same_identity' satisfies FailureCode, 'nobody');
  }
}

type StatusEvent = { event: 'linked' } | { event: 'degraded' | 'login_lost'; reason: FailureCode };

/** `changes`: the account states in which an unconfirmed report of the status is worth a check. */
type StatusEffect = StatusEvent & { changes: readonly AccountState[] };

/** What each status that a provider can report changes; null for nothing. */
const statusEffects = {
  created: null,
  pending: null,
  synced: null,
  unknown: null,
  linked: { event: 'linked', changes: ['degraded', 'reconnect_required'] },
  degraded: { event: 'degraded', reason: 'provider_unavailable', changes: working },
  needs_restart: { event: 'degraded', reason: 'provider_unavailable', changes: working },
  login_lost: { event: 'login_lost', reason: 'login_lost', changes: working },
  deleted: { event: 'login_lost', reason: 'account_gone', changes: working },
  not_found: { event: 'login_lost', reason: 'account_gone', changes: working },
} as const satisfies Record<string, StatusEffect | null>;

export type ProviderStatus = keyof typeof statusEffects;

const effectOf = (status: ProviderStatus): StatusEffect | null => statusEffects[status];

/** Whether an unconfirmed status is worth a check: it would change the account, or decide a login that runs. */
export function needsCheck(status: ProviderStatus, state: AccountState, loginRuns: boolean): boolean {
  const effect = effectOf(status);
  return effect !== null && (loginRuns || effect.changes.includes(state));
}

/** `told` is what the provider says beyond its status, if anything. */
export function eventOfStatus(status: ProviderStatus, at: Date, told?: FailureCode): AccountEvent | null {
  const effect = effectOf(status);
  if (!effect) return null;
  return effect.event === 'linked' ? { type: 'linked', at } : { type: effect.event, at, reason: told ?? effect.reason };
}

export const reasonForLogin = (status: ProviderStatus, told?: FailureCode): FailureCode => {
  const effect = effectOf(status);
  return effect?.event === 'login_lost' ? (told ?? effect.reason) : 'login_lost';
};

/** Secrets that a provider issued for one account: its API key, its webhooks' secret. Stored sealed, never shown. */
export interface AccountKeys {
  apiKey?: string;
  webhookSecret?: string;
  /** When the key ends, and when it must be renewed, in epoch milliseconds. */
  expiresAt?: number;
  refreshAt?: number;
  /** Permissions of the owner, by the provider's names. */
  scopes?: readonly string[];
  /** The owner's key that `apiKey` was taken with. */
  parentKey?: string;
  /** The upstream object that calls about the account go to, where it is another one than the account. */
  node?: string;
  /** The upstream business that the account is a part of, where calls go there too. */
  business?: string;
  /** Which of the provider's APIs the key is for, where it has several. */
  host?: string;
}

export interface ConnectionConfig {
  /** E.164 with plus; null on channels without numbers. */
  phone_number: string | null;
  account_type: string;
  /** The provider's own word, such as `OK`. */
  messaging_status: string;
  messaging_source_id: string | null;
  created_at: string | null;
  sources: { id: string; status: string }[];
  groups: string[];
  last_api_sync: string;
  full_api_response?: unknown;
  api_object_type: string;
}

/** Eight points. Limits are numbers of calls; null where the provider states none. */
export interface ProviderConfig {
  features: { send: boolean; receive: boolean; read_receipts: boolean; delivery_status: boolean; media: boolean };
  webhook_events: string[];
  rate_limits: { per_hour: number | null; per_day: number | null; burst: number | null };
  notification_preferences: { messages: boolean; receipts: boolean; account_status: boolean };
  account_metadata: { country_code: string | null; display_name: string | null; creation_date: string | null };
  messaging_enabled: boolean;
  provider_type: string;
  formatted_phone_number: string | null;
}

export interface AccountDetails {
  connection_config: ConnectionConfig;
  provider_config: ProviderConfig;
}

/** A part of a connected account that does not work, while its messages do. */
export interface Limitation {
  /** The part's id at the provider. */
  source: string;
  /** The provider's own word for its state. */
  status: string;
}

/** The parts of an account beside its messaging source that are in another state than that one. */
export const limitationsOf = (config: ConnectionConfig): Limitation[] =>
  config.sources
    .filter(({ id, status }) => id !== config.messaging_source_id && status !== config.messaging_status)
    .map(({ id, status }) => ({ source: id, status }));

export interface DetailChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** Differ at every collection. */
const unremarkable = new Set(['connection_config.last_api_sync', 'connection_config.full_api_response']);

export function detailChanges(before: AccountDetails | null, after: AccountDetails): DetailChange[] {
  const changes: DetailChange[] = [];
  for (const part of ['connection_config', 'provider_config'] as const) {
    const old: Record<string, unknown> = { ...before?.[part] };
    for (const [key, value] of Object.entries(after[part])) {
      const path = `${part}.${key}`;
      if (unremarkable.has(path) || isDeepStrictEqual(old[key] ?? null, value ?? null)) continue;
      changes.push({ path, before: old[key] ?? null, after: value });
    }
  }
  return changes;
}
