import type { Channel } from './channels.ts';

/** The most messages of one account in any minute, hour and day; null: no limit. `spacing_seconds` lie between two. */
export interface SendLimits {
  per_minute: number | null;
  per_hour: number | null;
  per_day: number | null;
  spacing_seconds: number | null;
}

/**
 * What a channel takes of a person's account before it restricts it, by the field's experience: LinkedIn about 100 messages a
 * day; the others are estimates on the careful side. A provider that publishes limits of its own has those instead.
 */
const channelLimits: Readonly<Record<Channel, SendLimits>> = {
  linkedin: { per_minute: 10, per_hour: 40, per_day: 100, spacing_seconds: null },
  whatsapp: { per_minute: 60, per_hour: 600, per_day: 2_000, spacing_seconds: null },
  instagram: { per_minute: 10, per_hour: 60, per_day: 200, spacing_seconds: null },
  messenger: { per_minute: 20, per_hour: 120, per_day: 500, spacing_seconds: null },
  telegram: { per_minute: 20, per_hour: 200, per_day: 1_000, spacing_seconds: null },
  mail: { per_minute: 20, per_hour: 200, per_day: 500, spacing_seconds: null },
};

/** The limits that a provider publishes for an account, as its details say; null where it does not. */
interface PublishedLimits {
  per_hour: number | null;
  per_day: number | null;
  /** Messages of a minute; 1: one after the other, evenly. */
  burst: number | null;
}

/** Null where the provider publishes none. */
function publishedLimits({ burst, per_hour, per_day }: PublishedLimits): SendLimits | null {
  if (burst === null && per_hour === null && per_day === null) return null;
  const spaced = burst === 1 && per_hour !== null;
  return {
    per_minute: spaced ? null : burst,
    per_hour,
    per_day,
    spacing_seconds: spaced ? Math.ceil(3600 / per_hour) : null,
  };
}

const dayMs = 86_400_000;

/** An account that was connected less than `days` ago has this share of its channel's limits of an hour and a day. */
const ramp = [
  { days: 3, share: 0.3 },
  { days: 7, share: 0.6 },
] as const;

/** What decides how much an account may send. */
export interface LimitedAccount {
  channel: Channel;
  published: PublishedLimits | null;
  /** What an operator set. */
  own: Partial<SendLimits> | null;
  connectedAt: Date;
}

/**
 * The limits in force: those that the provider publishes, else the channel's, of which a young account has a share. What an
 * operator set counts as it is.
 */
export function limitsInForce({ channel, published, own, connectedAt }: LimitedAccount, now: Date): SendLimits {
  const told = published && publishedLimits(published);
  return { ...(told ?? rampedLimits(channelLimits[channel], connectedAt, now)), ...own };
}

/** The share of its limits that a young account has, and until when. */
export interface Ramp {
  share: number;
  until: Date;
}

/** Null for an account that has all of its limits, or those that its provider publishes. */
export function rampOf(
  { published, connectedAt }: Pick<LimitedAccount, 'published' | 'connectedAt'>,
  now: Date,
): Ramp | null {
  const days = (now.getTime() - connectedAt.getTime()) / dayMs;
  const step = published && publishedLimits(published) ? undefined : ramp.find((one) => days < one.days);
  return step ? { share: step.share, until: new Date(connectedAt.getTime() + step.days * dayMs) } : null;
}

function rampedLimits(usual: SendLimits, connectedAt: Date, now: Date): SendLimits {
  const share = rampOf({ published: null, connectedAt }, now)?.share ?? 1;
  const ramped = (most: number | null): number | null => most && Math.max(1, Math.floor(most * share));
  return { ...usual, per_hour: ramped(usual.per_hour), per_day: ramped(usual.per_day) };
}

/** Each limit as a number of calls within a time, in milliseconds. */
export const windowsOf = (limits: SendLimits): { most: number; ms: number }[] =>
  [
    { most: limits.spacing_seconds && 1, ms: (limits.spacing_seconds ?? 0) * 1000 },
    { most: limits.per_minute, ms: 60_000 },
    { most: limits.per_hour, ms: 3_600_000 },
    { most: limits.per_day, ms: dayMs },
  ].flatMap(({ most, ms }) => (most === null ? [] : [{ most, ms }]));

/** How long a call counts. */
export const callsCountForMs = dayMs;
