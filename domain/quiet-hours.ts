import { isWithin, nextOutside, type DayHours } from './hours.ts';

/** Hours of each day in which an account sends nothing of itself. */
export interface QuietHours extends DayHours {
  /** A conversation whose person wrote within so many minutes is answered all the same; 0: none is. */
  replies_within_minutes: number;
}

/** What an account has in place of its tenant's quiet hours; `hours` null: none. */
export interface AccountQuietHours {
  hours: QuietHours | null;
}

/** The usual `replies_within_minutes`: whoever wrote an hour ago is still there. */
export const usualRepliesMinutes = 60;

/** Quiet hours that are in force at a time. */
export interface Quiet {
  until: Date;
  /** Conversations whose person wrote after this are answered; null: none is. */
  repliesSince: Date | null;
}

/** The quiet hours of an account, whether it is quiet now or not; null where it has none. */
export const quietHoursOf = (own: AccountQuietHours | null, tenants: QuietHours | null): QuietHours | null =>
  own ? own.hours : tenants;

/** What the quiet hours of an account hold back at a time; null outside of them. `zone` is the tenant's. */
export function quietAt(hours: QuietHours | null, zone: string, at: Date): Quiet | null {
  if (!hours || !isWithin(hours, zone, at)) return null;
  const minutes = hours.replies_within_minutes;
  return {
    until: nextOutside(hours, zone, at),
    repliesSince: minutes > 0 ? new Date(at.getTime() - minutes * 60_000) : null,
  };
}
