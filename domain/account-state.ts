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

/** Where an account stands, why, who must act, and since when. */
export interface AccountStatus {
  state: AccountState;
  reason: string | null;
  who: Who;
  since: Date;
}

/**
 * What can happen to an account. `interrupted` is a provider's word for trouble that may pass by itself; it must be
 * seen again after `degradedPatienceMs` of it before the owner is asked to log in again.
 */
export type AccountEvent =
  | { type: 'login_began'; at: Date }
  | { type: 'linked'; at: Date }
  | { type: 'degraded'; at: Date; reason: string }
  | { type: 'login_lost'; at: Date; reason: string }
  | { type: 'login_failed'; at: Date; reason: string; who: Who; resume: 'failed' | 'reconnect_required' }
  | { type: 'disconnected'; at: Date };

/** How long transient trouble may last before it counts as a lost login, in milliseconds. */
export const degradedPatienceMs = 30 * 60_000;

/**
 * The only writer of account state. Pure: the same standing and event give the same result. Returns the same object
 * when nothing changes, so that callers can tell a change by identity and do not move `since`.
 */
export function transition(standing: AccountStatus, event: AccountEvent): AccountStatus {
  const to = (state: AccountState, reason: string | null, who: Who): AccountStatus =>
    standing.state === state && standing.reason === reason && standing.who === who
      ? standing
      : { state, reason, who, since: event.at };

  switch (event.type) {
    case 'login_began':
      return to('connecting', null, 'owner');
    case 'linked':
      return to('active', null, 'nobody');
    case 'degraded': {
      if (standing.state === 'active') return to('degraded', event.reason, 'nobody');
      if (standing.state !== 'degraded') return standing;
      const lasted = event.at.getTime() - standing.since.getTime();
      return lasted >= degradedPatienceMs ? to('reconnect_required', event.reason, 'owner') : standing;
    }
    case 'login_lost':
      return resting.has(standing.state) ? standing : to('reconnect_required', event.reason, 'owner');
    case 'login_failed':
      return to(event.resume, event.reason, event.who);
    case 'disconnected':
      return to('disconnected', null, 'nobody');
  }
}

/** States that only a new attempt leaves: a late word from the provider does not move them. */
const resting: ReadonlySet<AccountState> = new Set(['disconnected', 'failed', 'connecting']);
