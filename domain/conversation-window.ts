import type { MessageCapabilities, MessageWindow } from './message-capabilities.ts';

const hourMs = 3_600_000;

/** Until when a conversation takes messages of every kind. */
export interface WindowState {
  /** Null where it is not known whether the person ever acted: the provider decides. */
  isOpen: boolean | null;
  /** When it closes, or closed; null where `isOpen` is. */
  openUntil: Date | null;
}

/**
 * The window of a conversation at a time. It opens for some hours each time the person acts: writes, reacts, presses a
 * button. `tag` is a reason for which the channel leaves it open for longer. Null on a channel without one.
 */
export function windowOf(
  { window }: Pick<MessageCapabilities, 'window'>,
  lastActionAt: Date | null,
  at: Date,
  tag?: string,
): WindowState | null {
  if (!window) return null;
  if (!lastActionAt) return { isOpen: null, openUntil: null };
  const openUntil = new Date(lastActionAt.getTime() + hoursOf(window, tag) * hourMs);
  return { isOpen: at < openUntil, openUntil };
}

const hoursOf = ({ hours, wayOut }: MessageWindow, tag: string | undefined): number =>
  wayOut.tags?.find(({ name }) => name === tag)?.hours ?? hours;

/** What can still be sent once a window is closed, as one sentence. */
export function wayOutOf({ wayOut }: MessageWindow): string {
  const tags = (wayOut.tags ?? []).map(
    ({ name, hours }) => `with tag ${name} up to ${hours} hours after the person wrote`,
  );
  const ways = [...(wayOut.template ? ['a template at any time'] : []), ...tags];
  return ways.length ? `Send ${ways.join(', or ')}.` : 'Wait until the person writes.';
}
