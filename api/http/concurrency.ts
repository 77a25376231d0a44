import { Problem } from '../../services/problem.ts';

/** Enters under a name, and answers what ends it. Throws 429 where too much is under way. */
export type Enter = (name: string) => () => void;

/** At most `most` at once under each name, in this process; `what` they are is for the error. */
export function createConcurrency(most: number, what: string): Enter {
  const underWay = new Map<string, number>();
  return (name) => {
    const before = underWay.get(name) ?? 0;
    if (before >= most)
      throw new Problem('rate_limited', `More than ${most} ${what} at the same time.`, {
        fix: 'Wait for some of them to end, then send this one again.',
        retryAfter: 1,
      });
    underWay.set(name, before + 1);
    return () => {
      const left = (underWay.get(name) ?? 1) - 1;
      if (left > 0) underWay.set(name, left);
      else underWay.delete(name);
    };
  };
}
