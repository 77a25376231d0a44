/** Work of a name waited too long for its share, or too much of it waited. */
export class ShareFullError extends Error {
  override readonly name = 'ShareFullError';
}

/** Lets work of a name run once the name has less than its share. */
export type Shares = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * At most `most` pieces of work of one name run at once. Further ones wait in their order for at most `waitMs`, then throw
 * `ShareFullError`; so do those that find `mostWaiting` of their name waiting already.
 */
export function createShares(most: number, mostWaiting: number, waitMs: number): Shares {
  const names = new Map<string, { running: number; waiting: Set<() => void> }>();
  return async (name, work) => {
    const of = names.get(name) ?? { running: 0, waiting: new Set() };
    names.set(name, of);
    if (of.running < most) of.running += 1;
    else await turn(of.waiting, mostWaiting, waitMs);
    try {
      return await work();
    } finally {
      // The next one takes the place over: `running` stays as it is.
      const [next] = of.waiting;
      if (next) next();
      else if ((of.running -= 1) === 0) names.delete(name);
    }
  };
}

function turn(waiting: Set<() => void>, most: number, waitMs: number): Promise<void> {
  const full = (): ShareFullError => new ShareFullError('Other work of the same share took too long.');
  if (waiting.size >= most) return Promise.reject(full());
  return new Promise((resolve, reject) => {
    const go = (): void => {
      waiting.delete(go);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.delete(go);
      reject(full());
    }, waitMs);
    waiting.add(go);
  });
}
