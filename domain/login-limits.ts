import type { Channel } from './channels.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The most logins of one account in any hour and day; null: no limit. */
export interface LoginLimits {
  per_hour: number | null;
  per_day: number | null;
}

/**
 * Logins that begin on request, over all callers. Services ban accounts that log in again and again; the numbers leave a
 * person room for failed tries (estimates, on the careful side for services that are known to ban).
 */
const channelLimits: Readonly<Record<Channel, LoginLimits>> = {
  linkedin: { per_hour: 30, per_day: 60 },
  instagram: { per_hour: 30, per_day: 60 },
  messenger: { per_hour: 30, per_day: 100 },
  whatsapp: { per_hour: 30, per_day: 100 },
  telegram: { per_hour: 30, per_day: 100 },
  mail: { per_hour: 30, per_day: 100 },
};

/** Restarts of a login without its owner: an account that stays down after these needs its owner. */
export const restartLimits: LoginLimits = { per_hour: 6, per_day: 24 };

/** The limits in force: the channel's, and what an operator set. */
export const loginLimitsOf = (channel: Channel, own: Partial<LoginLimits> | null): LoginLimits => ({
  ...channelLimits[channel],
  ...own,
});

/** How long a login counts, in milliseconds. */
export const loginsCountForMs = dayMs;

/** Logins within the last hour and day. */
export interface UsedLogins {
  hour: number;
  day: number;
}

export const usedLogins = (times: readonly Date[], now: Date): UsedLogins => {
  const within = (ms: number): number => times.filter((at) => at.getTime() > now.getTime() - ms).length;
  return { hour: within(hourMs), day: within(dayMs) };
};

/** When the next login may begin, after those at `times`; null: now. */
export function nextLoginAt(limits: LoginLimits, times: readonly Date[], now: Date): Date | null {
  const newestFirst = times.map((at) => at.getTime()).toSorted((one, other) => other - one);
  const freeAt = (most: number | null, ms: number): number => {
    if (most === null) return 0;
    if (most === 0) return now.getTime() + ms;
    const last = newestFirst[most - 1];
    return last === undefined ? 0 : last + ms;
  };
  const free = Math.max(freeAt(limits.per_hour, hourMs), freeAt(limits.per_day, dayMs));
  return free > now.getTime() ? new Date(free) : null;
}
