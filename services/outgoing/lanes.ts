/** What waits in a lane. */
export interface InLane {
  lane: string;
  /** Milliseconds of the epoch: not before. */
  nextTryAt: number;
}

interface Lane<T> {
  /** The next ones, in their order; the first one is under way while the lane is busy. */
  rows: T[];
  isBusy: boolean;
  /** Ones after these are not here: they are read once these are done. */
  hasMore: boolean;
  /** Milliseconds of the epoch: nothing is begun before. */
  until: number;
}

/**
 * The deliveries of one endpoint that a worker holds, by lane. A lane has one delivery under way, waits for its first one
 * where that must be tried again, and gives up its others meanwhile: they are read again then.
 */
export interface Lanes<T extends InLane> {
  /** Adds what comes after everything here. Rows of a lane that is not wholly here are left out: they are read later. */
  add(rows: readonly T[], now: number): void;
  /** The first delivery of a lane that may begin; the lane is busy with it. */
  next(): T | null;
  /** The lane of a delivery goes on with the one after it. */
  done(row: T): void;
  /** The lane of a delivery waits until it is tried again. */
  wait(row: T, until: number): void;
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
    const lane = lanes.get(row.lane) ?? { rows: [], isBusy: false, hasMore: false, until: 0 };
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
    if (!lane.isBusy) ready.add(row.lane);
  };
  /** After its first row is done. */
  const goOn = (name: string, lane: Lane<T>): void => {
    if (lane.rows.length) ready.add(name);
    else if (!lane.hasMore) lanes.delete(name);
  };
  const end = (row: T): Lane<T> | undefined => {
    const lane = lanes.get(row.lane);
    if (!lane) return undefined;
    lane.isBusy = false;
    busy -= 1;
    return lane;
  };

  return {
    add: (rows, now) => {
      for (const row of rows) put(row, now);
    },
    next: () => {
      const [name] = ready;
      if (name === undefined) return null;
      ready.delete(name);
      const lane = lanes.get(name)!;
      lane.isBusy = true;
      busy += 1;
      return lane.rows[0]!;
    },
    done: (row) => {
      const lane = end(row);
      if (!lane) return;
      lane.rows.shift();
      size -= 1;
      goOn(row.lane, lane);
    },
    wait: (row, until) => {
      const lane = end(row);
      if (!lane) return;
      leftOut += lane.rows.length;
      drop(lane, 0);
      lane.until = until;
    },
    lacking: (now) =>
      [...lanes].flatMap(([name, lane]) =>
        lane.hasMore && !lane.isBusy && lane.rows.length === 0 && lane.until <= now ? [name] : [],
      ),
    refill: (names, rows, most, now) => {
      const counts = new Map<string, number>();
      for (const { lane } of rows) counts.set(lane, (counts.get(lane) ?? 0) + 1);
      for (const name of names) lanes.set(name, { rows: [], isBusy: false, hasMore: false, until: 0 });
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
        drop(lane, lane.isBusy ? 1 : 0);
        if (!lane.isBusy) lanes.delete(name);
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
