import { isDeepStrictEqual } from 'node:util';
import type { FailureCode } from './failures.ts';

/** Who must act next for the account to work. */
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

/** The state of an account, its reason, who must act, and since when. */
export interface AccountStatus {
  state: AccountState;
  reason: string | null;
  who: Who;
  since: Date;
}

/** What can happen to an account. `degraded` is trouble that may pass by itself; `linked` is a login that works. */
export type AccountEvent =
  | { type: 'login_began'; at: Date }
  | { type: 'linked'; at: Date }
  | { type: 'degraded'; at: Date; reason: string }
  | { type: 'login_lost'; at: Date; reason: string }
  | { type: 'login_failed'; at: Date; reason: string; who: Who; resume: 'failed' | 'reconnect_required' }
  | { type: 'disconnected'; at: Date };

/** How long an account may be degraded before it counts as a lost login, in milliseconds. */
export const degradedPatienceMs = 30 * 60_000;

/** States that only a new attempt leaves: a late report of the provider does not change them. */
const resting: ReadonlySet<AccountState> = new Set(['disconnected', 'failed', 'connecting']);

/**
 * The only writer of an account's state. Pure: the same status and event give the same result. Returns the same object
 * when nothing changes, so that callers detect a change by identity and do not move `since`.
 */
export function transition(status: AccountStatus, event: AccountEvent): AccountStatus {
  const to = (state: AccountState, reason: string | null, who: Who): AccountStatus =>
    status.state === state && status.reason === reason && status.who === who
      ? status
      : { state, reason, who, since: event.at };

  switch (event.type) {
    case 'login_began':
      return to('connecting', null, 'owner');
    case 'linked':
      return to('active', null, 'nobody');
    case 'degraded': {
      if (status.state === 'active') return to('degraded', event.reason, 'nobody');
      if (status.state !== 'degraded') return status;
      const lasted = event.at.getTime() - status.since.getTime();
      return lasted >= degradedPatienceMs ? to('reconnect_required', event.reason, 'owner') : status;
    }
    case 'login_lost':
      return resting.has(status.state) ? status : to('reconnect_required', event.reason, 'owner');
    case 'login_failed':
      return to(event.resume, event.reason, event.who);
    case 'disconnected':
      return to('disconnected', null, 'nobody');
  }
}

/** The account's event once the provider has confirmed a status. */
type StatusEvent = { event: 'linked' } | { event: 'degraded' | 'login_lost'; reason: FailureCode };

/** With the account states that it would change: only in these is an unconfirmed report worth a check. */
type StatusEffect = StatusEvent & { changes: readonly AccountState[] };

const working = ['active', 'degraded'] as const;

/**
 * Every status that a provider can report of a login or an account, by a webhook or when it is asked; null where it
 * changes nothing.
 */
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

/**
 * Whether an unconfirmed report of a status is worth asking the provider: it would change the account's state, or it may
 * decide a login that runs.
 */
export function needsCheck(status: ProviderStatus, state: AccountState, loginRuns: boolean): boolean {
  const effect = effectOf(status);
  return effect !== null && (loginRuns || effect.changes.includes(state));
}

/** The account's event for a status that the provider confirmed; null where it changes nothing. */
export function eventOfStatus(status: ProviderStatus, at: Date): AccountEvent | null {
  const effect = effectOf(status);
  if (!effect) return null;
  return effect.event === 'linked' ? { type: 'linked', at } : { type: effect.event, at, reason: effect.reason };
}

/** Why an account with this status cannot be revived without its owner. */
export const reasonForLogin = (status: ProviderStatus): FailureCode => {
  const effect = effectOf(status);
  return effect?.event === 'login_lost' ? effect.reason : 'login_lost';
};

/**
 * What a provider issued for one account alone: the key that calls for it are made with, and the secret that its
 * webhooks carry. Stored sealed with the account, never shown.
 */
export interface AccountKeys {
  apiKey?: string;
  webhookSecret?: string;
  /** When the key ends, and from when on it is to be renewed; epoch milliseconds. */
  expiresAt?: number;
  refreshAt?: number;
  /** The permissions that the owner has granted, by the provider's names. */
  scopes?: readonly string[];
}

/** How the account is connected: ten points, collected on connect, on a solved checkpoint and on reconnect. */
export interface ConnectionConfig {
  /** E.164 with plus, or null on channels without a number. */
  phone_number: string | null;
  account_type: string;
  /** The provider's own word for the messaging source's state, such as `OK`. */
  messaging_status: string;
  messaging_source_id: string | null;
  /** When the login was made at the provider. */
  created_at: string | null;
  sources: { id: string; status: string }[];
  groups: string[];
  last_api_sync: string;
  /** Stored sealed, in a column of its own; here only on its way there. */
  full_api_response?: unknown;
  api_object_type: string;
}

/** What the account can do: eight points. Limits are calls, null where the provider states none. */
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

/** The details of an account as a provider gives them: plain JSON. */
export interface AccountDetails {
  connection_config: ConnectionConfig;
  provider_config: ProviderConfig;
}

/** One point that changed, by its dotted path. */
export interface DetailChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** Points that differ at every collection, so that their change says nothing. */
const unremarkable = new Set(['connection_config.last_api_sync', 'connection_config.full_api_response']);

/** What a fresh collection changes against the stored details, point by point. `before` is null before the first one. */
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
