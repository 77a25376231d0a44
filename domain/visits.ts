/** How a visit of an account by the sweep of platforms ended. `skipped`: the account's login does not work. */
export type VisitOutcome = 'ok' | 'failed' | 'skipped';

/**
 * Where a provider sends the events of an account. `ok`: to us · `elsewhere`: to another address · `off`: nowhere ·
 * `incomplete`: to us, but not all that are needed.
 */
export type WebhookState = 'ok' | 'elsewhere' | 'off' | 'incomplete';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How often the sweep of platforms begins, in milliseconds. No account is visited more often. */
export const visitPeriodMs = 5 * minute;

/** Each is a multiple of the ones before: an account's slots of a longer rest are slots of the shorter ones too. */
const rests = [visitPeriodMs, 15 * minute, 30 * minute, hour] as const;
const longestRest = hour;
/** For how long an account must have been quiet for each longer rest, in milliseconds. */
const quietFor = [day, 3 * day, 7 * day] as const;
/** Trouble counts for so long, in milliseconds. */
const lateMs = 6 * hour;

/** A 32-bit FNV-1a hash of a text. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n += 1) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return hash >>> 0;
}

/**
 * The first slot after `at` of those that an account has, one in each `restMs`: a hash of its id spreads accounts evenly. All
 * in milliseconds.
 */
export function nextSlot(accountId: string, at: number, restMs: number): number {
  const phase = hashOf(accountId) % restMs;
  return at - ((((at - phase) % restMs) + restMs) % restMs) + restMs;
}

/** What is known of an account after a visit. Times are milliseconds since the epoch. */
export interface Visited {
  outcome: VisitOutcome;
  /** Failed visits in a row, this one included. */
  failures: number;
  /** The provider asked for a pause. */
  retryAfterMs?: number | undefined;
  /** The provider's channel is asked for news, since webhooks do not bring everything. */
  isPolled: boolean;
  /** Null: not known. */
  webhookState: WebhookState | null;
  /** Webhooks missed messages lately, or are silent for longer than they usually are. */
  isDoubtful: boolean;
  /** When the account failed or missed messages last. */
  troubledAt: number | null;
  /** When its last event came, or it was connected. */
  lastEventAt: number | null;
}

/** How long an account rests after a visit `at` that moment, in milliseconds. */
export function restAfter(visited: Visited, at: number): number {
  const { outcome, failures, webhookState, isDoubtful, troubledAt, lastEventAt, isPolled } = visited;
  if (outcome === 'skipped') return longestRest;
  if (outcome === 'failed') {
    const backOff = Math.min(visitPeriodMs * 2 ** Math.min(failures - 1, 6), longestRest);
    return Math.max(backOff, Math.min(visited.retryAfterMs ?? 0, day));
  }
  const isTroubled = isDoubtful || (troubledAt !== null && at - troubledAt < lateMs);
  if (isTroubled || webhookState !== 'ok' || lastEventAt === null) return visitPeriodMs;
  const quietMs = at - lastEventAt;
  const level = quietFor.filter((ms) => quietMs >= ms).length;
  return rests[isPolled ? Math.min(level, 1) : level] ?? longestRest;
}

/** When an account that was visited `at` that moment is visited next: in its slot, or after its back-off. In milliseconds. */
export function nextVisitAt(accountId: string, visited: Visited, at: number): number {
  const rest = restAfter(visited, at);
  if (visited.outcome === 'failed' && rest > visitPeriodMs) return at + rest - (hashOf(accountId) % visitPeriodMs);
  return nextSlot(accountId, at, rest);
}

/** How often an account's details are collected, in milliseconds. */
export const detailsEveryMs = day;
/** Wrong details are collected again after this time, in milliseconds. */
const faultyEveryMs = 6 * hour;
/** A webhook that must be asked for account by account, while news are polled as well. In milliseconds. */
const ownWebhookEveryMs = hour;

/** What is known of an account before a visit. Times are milliseconds since the epoch. */
export interface Due {
  keepsHistory: boolean;
  isPolled: boolean;
  /** How the provider is asked where events go: once for all accounts, account by account, or not at all. */
  asksWebhook: 'shared' | 'own' | 'never';
  compareDueAt: number | null;
  /** The account is silent, and it is not known yet why. */
  isSilent: boolean;
  webhookState: WebhookState | null;
  webhookCheckedAt: number | null;
  detailsDueAt: number | null;
  detailsAt: number | null;
  hasFaults: boolean;
}

/** What a visit does. */
export interface VisitTasks {
  /** Look for conversations that changed since the last visit. */
  news: boolean;
  /** Read them, whatever webhooks brought. */
  compare: boolean;
  webhook: boolean;
  details: boolean;
}

export function tasksOf(due: Due, at: number): VisitTasks {
  const isPast = (time: number | null): boolean => time !== null && time <= at;
  const compare = due.keepsHistory && (isPast(due.compareDueAt) || due.isSilent);
  const isRested = due.webhookCheckedAt === null || at - due.webhookCheckedAt >= ownWebhookEveryMs;
  const ownWebhook = !due.isPolled || due.isSilent || due.webhookState !== 'ok' || isRested;
  const areOld = due.detailsAt === null || at - due.detailsAt >= faultyEveryMs;
  return {
    compare,
    news: due.isPolled && due.keepsHistory && !compare,
    webhook: due.asksWebhook === 'shared' || (due.asksWebhook === 'own' && ownWebhook),
    details: isPast(due.detailsDueAt) || (due.hasFaults && areOld),
  };
}
