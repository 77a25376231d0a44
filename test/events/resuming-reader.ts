import { setTimeout as pause } from 'node:timers/promises';
import { Refused, type LiveReader, type OpenLive, type Told } from './live-readers.ts';

const random = (below: number): number => Math.floor(Math.random() * below);

/** A reader of a stream or socket of a tenant. `keep`: what is kept of an event. */
export interface ResumingReader<T> {
  keep(event: Told): T;
  open: OpenLive;
  /** Asked anew for each connection: a process that was killed may come back elsewhere. */
  url(): string;
  key: string;
  /** The place to begin after. */
  start: string;
  /** The most events of one connection. */
  most: number;
  /** The id of the last event; null while it is not known, and empty where reading is to be given up. */
  last(): string | null;
}

/**
 * Reads until the last event. It leaves after a random number of events, forgets some of what came, and connects again with
 * the id of the last one that it kept, as a process does that is killed before it stores what it has.
 */
export async function readResuming<T extends { id: string }>({
  keep,
  open,
  url,
  key,
  start,
  most,
  last,
}: ResumingReader<T>): Promise<T[]> {
  const seen: T[] = [];
  const isAtEnd = (id: string | undefined): boolean => {
    const end = last();
    return id !== undefined && end !== null && id >= end;
  };
  while (last() !== '' && !isAtEnd(seen.at(-1)?.id)) {
    const live = await connected(open, { url: url(), key, query: { last_event_id: seen.at(-1)?.id ?? start } });
    if (!live) continue;
    let isOver = false;
    void live.ended.then(() => (isOver = true));
    const enough = 1 + random(most);
    await live.until(
      () => isOver || last() === '' || live.events().length >= enough || isAtEnd(live.events().at(-1)?.id),
    );
    live.stop();
    const came = live.events().map(keep);
    const isKept = isAtEnd(came.at(-1)?.id);
    seen.push(...came.slice(0, isKept ? came.length : came.length - random(Math.min(came.length, 40))));
  }
  return seen.filter(({ id }) => id <= (last() ?? ''));
}

/** Null where the API is down or busy at this moment. */
async function connected(open: OpenLive, way: Parameters<OpenLive>[0]): Promise<LiveReader | null> {
  try {
    return await open(way);
  } catch (error) {
    if (error instanceof Refused && error.status !== 503) throw error;
    await pause(50 + random(100));
    return null;
  }
}
