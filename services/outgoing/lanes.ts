/** What waits in a lane. */
export interface InLane {
  lane: string;
  /** Milliseconds of the epoch: not before. */
  nextTryAt: number;
  /** How often it was tried. */
  tries: number;
}

interface Lane<T> {
  /** The next ones, in their order. */
  rows: T[];
  /** How many of them, from the first one on, are under way. */
  busy: number;
  /** Ones after these are not here: they are read once these are done. */
  hasMore: boolean;
  /** Milliseconds of the epoch: nothing is begun before. */
  until: number;
}

/**
 * The deliveries of one endpoint that a worker holds, by lane. A lane has one request under way, waits for its first
 * delivery where that must be tried again, and gives up its others meanwhile: they are read again then.
 */
export interface Lanes<T extends InLane> {
  /** Adds what comes after everything here. Rows of a lane that is not wholly here are left out: they are read later. */
  add(rows: readonly T[], now: number): void;
  /**
   * The first deliveries of lanes that may begin, for one request; empty where there are none. One that failed goes alone:
   * it may be the one that its request failed for.
   */
  next(most: number): T[];
  /** The lanes of a request's deliveries go on with those after them. */
  done(rows: readonly T[]): void;
  /** The lanes of a request's deliveries wait until they are tried again. */
  wait(rows: readonly T[], until: number): void;
  /** Lanes of which rows must be read before they can go on. */
  lacking(now: number): string[];
  /** Gives these lanes their first rows, at most `most` of each. */
  refill(lanes: readonly string[], rows: readonly T[], most: number, now: number): void;
  /** Forgets all rows that are not under way: they are read anew. */
  forget(): void;
  /** Rows that are here and may begin some time. */
  size(): number;
  /** Rows that were left out. */
  leftOut(): number;
  /** Rows that are under way. */
  busy(): number;
  /** Milliseconds of the epoch when a lane may go on; null where none waits. */
  nextAt(): number | null;
}

export function createLanes<T extends InLane>(): Lanes<T> {
  const lanes = new Map<string, Lane<T>>();
  /** Those with a row that may begin, the longest waiting first. */
  const ready = new Set<string>();
  let size = 0;
  let busy = 0;
  let leftOut = 0;

  const drop = (lane: Lane<T>, keep: number): void => {
    size -= lane.rows.length - keep;
    lane.rows.length = keep;
    lane.hasMore = true;
  };
  const put = (row: T, now: number): void => {
    const lane = lanes.get(row.lane) ?? { rows: [], busy: 0, hasMore: false, until: 0 };
    lanes.set(row.lane, lane);
    if (lane.hasMore) {
      leftOut += 1;
      return;
    }
    if (lane.rows.length === 0 && row.nextTryAt > now) {
      leftOut += 1;
      Object.assign(lane, { hasMore: true, until: row.nextTryAt });
      return;
    }
    lane.rows.push(row);
    size += 1;
    if (!lane.busy) ready.add(row.lane);
  };
  const goOn = (name: string, lane: Lane<T>): void => {
    if (lane.rows.length) ready.add(name);
    else if (!lane.hasMore) lanes.delete(name);
  };
  /** Of the request that ended, each lane with the number of its rows. */
  const end = (rows: readonly T[], then: (name: string, lane: Lane<T>, count: number) => void): void => {
    for (const name of new Set(rows.map(({ lane }) => lane))) {
      const lane = lanes.get(name);
      if (!lane) continue;
      const count = lane.busy;
      lane.busy = 0;
      busy -= count;
      then(name, lane, count);
    }
  };

  return {
    add: (rows, now) => {
      for (const row of rows) put(row, now);
    },
    next: (most) => {
      const batch: T[] = [];
      for (const name of ready) {
        const lane = lanes.get(name)!;
        const isAlone = lane.rows[0]!.tries > 0;
        if (batch.length >= most || (isAlone && batch.length)) break;
        const taken = lane.rows.slice(0, isAlone ? 1 : most - batch.length);
        const tried = taken.findIndex(({ tries }, n) => n > 0 && tries > 0);
        if (tried > 0) taken.length = tried;
        ready.delete(name);
        lane.busy = taken.length;
        busy += taken.length;
        batch.push(...taken);
        if (isAlone) break;
      }
      return batch;
    },
    done: (rows) =>
      end(rows, (name, lane, count) => {
        lane.rows.splice(0, count);
        size -= count;
        goOn(name, lane);
      }),
    wait: (rows, until) =>
      end(rows, (_name, lane) => {
        leftOut += lane.rows.length;
        drop(lane, 0);
        lane.until = until;
      }),
    lacking: (now) =>
      [...lanes].flatMap(([name, lane]) =>
        lane.hasMore && !lane.busy && lane.rows.length === 0 && lane.until <= now ? [name] : [],
      ),
    refill: (names, rows, most, now) => {
      const counts = new Map<string, number>();
      for (const { lane } of rows) counts.set(lane, (counts.get(lane) ?? 0) + 1);
      for (const name of names) lanes.set(name, { rows: [], busy: 0, hasMore: false, until: 0 });
      leftOut = Math.max(0, leftOut - rows.length);
      for (const row of rows) put(row, now);
      for (const name of names) {
        const lane = lanes.get(name)!;
        if ((counts.get(name) ?? 0) === most) lane.hasMore = true;
        goOn(name, lane);
      }
    },
    forget: () => {
      for (const [name, lane] of lanes) {
        drop(lane, lane.busy);
        if (!lane.busy) lanes.delete(name);
      }
      ready.clear();
      leftOut = 0;
    },
    size: () => size,
    leftOut: () => leftOut,
    busy: () => busy,
    nextAt: () => {
      let first: number | null = null;
      for (const { hasMore, until } of lanes.values()) if (hasMore && (first === null || until < first)) first = until;
      return first;
    },
  };
}
