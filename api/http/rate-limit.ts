import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from '../../services/problem.ts';

/** Counts a request of a name; throws 429 above the limit. */
export type Limit = (name: string) => Promise<void>;

/** At most `perMinute` a minute for each name, counted in this process. */
export function createLimit(perMinute: number): Limit {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: 60 });
  return async (name) => {
    try {
      await limiter.consume(name);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new Problem('rate_limited', `More than ${perMinute} requests in a minute.`, {
        retryAfter: refused.msBeforeNext / 1000,
      });
    }
  };
}
