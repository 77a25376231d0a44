import type { FeedRow } from '../../db/queries/events/read-feed.ts';
import { eventId, type FeedPlace } from '../../domain/events.ts';
import { eventAnswer, eventView } from '../views/event.ts';

/** Why a connection of events is closed here. */
export const dropReasons = [
  'stopping',
  'key_revoked',
  'slow_reader',
  'resync',
  'unresponsive',
  'too_many_messages',
  'database_unavailable',
  'unexpected',
] as const;

/** Why a connection of events ends; `left`: the other side has closed it. */
export type ChannelEnd = (typeof dropReasons)[number] | 'left';

export const channelKinds = ['socket', 'stream'] as const;

/** A connection that carries events to one reader. */
export interface Channel {
  kind: (typeof channelKinds)[number];
  /** Says where reading begins; null: with the oldest event. */
  ready(place: FeedPlace | null): void;
  /** Resolves once the connection has taken the bytes. Throws `SlowReader`. */
  send(rows: readonly FeedRow[]): Promise<void>;
  /**
   * Shows that the connection works; with a place, up to which events were left out, where the reader goes on after it.
   * False where the other side has given no sign for too long.
   */
  beat(place: FeedPlace | null): boolean;
  /** Says that events are missing, and where the feed ends now. */
  resync(end: FeedPlace): void;
  end(why: ChannelEnd): void;
}

/** The other side took none of its bytes for too long. */
export class SlowReader extends Error {
  override readonly name = 'SlowReader';
}

/** Bytes whose taking is waited for. */
const partSize = 65_536;
/** The patience passes in steps: a time in which this process itself stood still is one step at most. */
const steps = 4;

/** Writes texts, and waits at most `ms` for each part of them to be taken. */
export async function writeTaken(
  texts: readonly Buffer[],
  ms: number,
  write: (text: Buffer, taken?: () => void) => void,
): Promise<void> {
  let size = 0;
  for (const [n, text] of texts.entries()) {
    size += text.length;
    if (n < texts.length - 1 && size < partSize) {
      write(text);
      continue;
    }
    size = 0;
    await new Promise<void>((resolve, reject) => {
      let passed = 0;
      const timer = setInterval(() => {
        passed += 1;
        if (passed < steps) return;
        clearInterval(timer);
        reject(new SlowReader('The bytes were not taken.'));
      }, ms / steps).unref();
      write(text, () => {
        clearInterval(timer);
        resolve();
      });
    });
  }
}

const texts = new WeakMap<FeedRow, { json: Buffer; block: Buffer }>();

/** An event as a message of a socket, and as a block of a stream. Made once for all readers of the row. */
export function textsOf(row: FeedRow): { json: Buffer; block: Buffer } {
  const made = texts.get(row) ?? makeTexts(row);
  texts.set(row, made);
  return made;
}

function makeTexts(row: FeedRow): { json: Buffer; block: Buffer } {
  const json = JSON.stringify(eventAnswer.parse(eventView(row)));
  return { json: Buffer.from(json), block: Buffer.from(`id: ${eventId(row)}\ndata: ${json}\n\n`) };
}
