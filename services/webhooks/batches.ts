import { ShareFullError } from '../../platform/shares.ts';

/** Something that may be done together with others of its kind. */
export interface Batched {
  /** While some of a share is being done, the rest of it waits. */
  share: string;
  /** Shares of one owner wait in one queue; owners take turns. */
  owner: string;
  bytes: number;
  /** Two with one name in common are never done together. */
  names: readonly string[];
}

export interface BatchLimits {
  /** Batches at the same time. */
  lanes: number;
  /** Of one batch. */
  most: { count: number; bytes: number };
  /** Of what waits, in bytes: in all, and of one owner; in pieces of one share; and for how long, in milliseconds. */
  waiting: { bytes: number; bytesOfOwner: number; countOfShare: number; ms: number };
}

interface Work<T, R> {
  /** All of them or none; answers in their order. */
  together(batch: readonly T[]): Promise<R[]>;
  alone(one: T): Promise<R>;
  /** Whether trying each one alone would fail, too. */
  isHopeless(error: unknown): boolean;
}

interface Waiting<T, R> {
  one: T;
  resolve(answer: R): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}

/**
 * Does together what comes while other batches are being done; what comes alone is done at once. Where a batch fails, each
 * of it is done alone. Throws `ShareFullError` where too much waits, or waited too long.
 */
export function createBatches<T extends Batched, R>(
  { lanes, most, waiting: bounds }: BatchLimits,
  { together, alone, isHopeless }: Work<T, R>,
): (one: T) => Promise<R> {
  /** By owner; those that were not served for the longest time come first. */
  const queues = new Map<string, Set<Waiting<T, R>>>();
  const bytesOf = new Map<string, number>();
  const countOf = new Map<string, number>();
  const busy = new Map<string, number>();
  let running = 0;
  let isWoken = false;

  const leave = (entry: Waiting<T, R>): void => {
    const { owner, share, bytes } = entry.one;
    clearTimeout(entry.timer);
    const queue = queues.get(owner);
    queue?.delete(entry);
    if (queue?.size === 0) queues.delete(owner);
    for (const name of ['', `owner ${owner}`]) add(bytesOf, name, -bytes);
    add(countOf, share, -1);
  };

  /** The next of each owner in turn, until the batch is full. */
  const take = (): Waiting<T, R>[] => {
    const batch: Waiting<T, R>[] = [];
    const names = new Set<string>();
    let bytes = 0;
    const fits = ({ one }: Waiting<T, R>): boolean =>
      !busy.has(one.share) &&
      (batch.length === 0 || bytes + one.bytes <= most.bytes) &&
      !one.names.some((name) => names.has(name));
    let turns = [...queues].map(([owner, queue]) => ({ owner, entries: queue.values() }));
    while (turns.length && batch.length < most.count)
      turns = turns.filter(({ owner, entries }) => {
        if (batch.length >= most.count) return false;
        const next = entries.find(fits);
        if (!next) return false;
        batch.push(next);
        bytes += next.one.bytes;
        for (const name of next.one.names) names.add(name);
        const queue = queues.get(owner);
        queues.delete(owner);
        if (queue) queues.set(owner, queue);
        return true;
      });
    for (const entry of batch) {
      leave(entry);
      add(busy, entry.one.share, 1);
    }
    return batch;
  };

  const settle = (entry: Waiting<T, R>, answer: () => void): void => {
    answer();
    add(busy, entry.one.share, -1);
    wake();
  };
  const run = async (batch: readonly Waiting<T, R>[]): Promise<void> => {
    try {
      const answers = await together(batch.map(({ one }) => one));
      for (const [n, entry] of batch.entries()) settle(entry, () => entry.resolve(answers[n] as R));
    } catch (error) {
      for (const entry of batch) {
        if (isHopeless(error)) settle(entry, () => entry.reject(error));
        else
          void alone(entry.one).then(
            (answer) => settle(entry, () => entry.resolve(answer)),
            (reason: unknown) => settle(entry, () => entry.reject(reason)),
          );
      }
    }
  };
  const start = (): void => {
    while (running < lanes) {
      const batch = take();
      if (!batch.length) return;
      running += 1;
      void run(batch).finally(() => {
        running -= 1;
        wake();
      });
    }
  };
  /** Lets what arrived with this one join its batch. */
  const wake = (): void => {
    if (isWoken) return;
    isWoken = true;
    setImmediate(() => {
      isWoken = false;
      start();
    });
  };

  return (one) => {
    const { owner, share, bytes } = one;
    const of = (name: string): number => (bytesOf.get(name) ?? 0) + bytes;
    if (of('') > bounds.bytes || of(`owner ${owner}`) > bounds.bytesOfOwner)
      return Promise.reject(new ShareFullError('Too many bytes wait.'));
    if ((countOf.get(share) ?? 0) >= bounds.countOfShare)
      return Promise.reject(new ShareFullError('Too much of the same share waits.'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        leave(entry);
        reject(new ShareFullError('Other work took too long.'));
      }, bounds.ms).unref();
      const entry: Waiting<T, R> = { one, resolve, reject, timer };
      const queue = queues.get(owner) ?? new Set();
      queues.set(owner, queue.add(entry));
      for (const name of ['', `owner ${owner}`]) add(bytesOf, name, bytes);
      add(countOf, share, 1);
      wake();
    });
  };
}

function add(to: Map<string, number>, name: string, more: number): void {
  const sum = (to.get(name) ?? 0) + more;
  if (sum) to.set(name, sum);
  else to.delete(name);
}
