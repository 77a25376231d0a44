/** When an account counts as one whose webhooks do not come. */
export interface MissRule {
  /** Sweeps within a day that must have found missed messages. One alone may be a hiccup of the network. */
  sweeps: number;
  /** Missed messages. Few of them prove nothing. */
  messages: number;
  /** Their share of all messages of that time, from 0 to 1. */
  share: number;
}

/** What is known of an account whose webhooks missed messages. Times are milliseconds since the epoch. */
export interface WatchedWebhooks {
  sweeps: number;
  missed: number;
  brought: number;
  /** When the last missed message was sent. */
  lastMissedAt: number;
  /** Since when the account is degraded; null while it is watched only. */
  degradedAt: number | null;
  /** When the webhook was registered anew; null where it was not yet. */
  registeredAt: number | null;
  /** When it may be registered next; null: at once. */
  registerAt: number | null;
}

/** What a sweep found. */
export interface SweepFound {
  /** Messages that no webhook brought. */
  hasMissed: boolean;
  /** Since the last missed message, or since the account was found deaf and its webhook was registered anew. */
  broughtSince: number;
  at: number;
}

/**
 * `watch`: nothing to do yet · `degrade`: the account is deaf · `register`: the webhook has to be registered anew, once
 * more · `heal`: webhooks arrive again · `forget`: it was a hiccup.
 */
export type WebhookVerdict = 'watch' | 'degrade' | 'register' | 'heal' | 'forget';

/** Missed messages are added up for so long; without another one in it the account counts as well. In milliseconds. */
export const watchMs = 24 * 3_600_000;
/** The clocks of a provider and of ours may differ by this, in milliseconds. */
const skewMs = 60_000;

export const isDeaf = ({ sweeps, missed, brought }: WatchedWebhooks, rule: MissRule): boolean =>
  sweeps >= rule.sweeps && missed >= rule.messages && missed >= rule.share * (missed + brought);

/** From when on a missed message, or one that was brought, tells something new. */
export const provingSince = ({ degradedAt, registeredAt, lastMissedAt }: WatchedWebhooks): number =>
  degradedAt === null ? lastMissedAt : (registeredAt ?? degradedAt);

/** What is to be done after a sweep. An account without traffic stays as it is, for a day at most. */
export function judgeWebhooks(watched: WatchedWebhooks, found: SweepFound, rule: MissRule): WebhookVerdict {
  const { degradedAt, registeredAt, registerAt, lastMissedAt } = watched;
  const isOver = found.at - lastMissedAt > watchMs;
  if (degradedAt === null) {
    if (found.hasMissed) return isDeaf(watched, rule) ? 'degrade' : 'watch';
    return found.broughtSince > 0 || isOver ? 'forget' : 'watch';
  }
  const missedSince = lastMissedAt > provingSince(watched) + skewMs;
  if (!missedSince && (found.broughtSince > 0 || isOver)) return 'heal';
  const mayRegister = registerAt === null || registerAt <= found.at;
  return mayRegister && (registeredAt === null || missedSince) ? 'register' : 'watch';
}

const firstRestMs = 15 * 60_000;
const longestRestMs = 24 * 3_600_000;

/** How long a webhook rests before it is registered once more, in milliseconds: each time twice as long, up to a day. */
export const registerRestMs = (tries: number): number =>
  Math.min(firstRestMs * 2 ** Math.min(tries, 10), longestRestMs);

/** A webhook of a younger message may still come, in milliseconds: providers try again. */
export const stillComingMs = 5 * 60_000;
/** An API process notes that it runs at least this often, in milliseconds; it took in nothing that it did not outlive by this. */
const uptimeSlackMs = 60_000;

/** Whether Patchbay took webhooks in when a message was sent, all in milliseconds since the epoch. */
export const tookWebhooks = (uptimes: readonly { from: number; to: number }[], sentAt: number): boolean =>
  uptimes.some(({ from, to }) => from <= sentAt && to >= sentAt + uptimeSlackMs);
