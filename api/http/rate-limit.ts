import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from '../../services/problem.ts';

/** Counts a request of a name, and answers the headers that say what is left; throws 429 above the limit. */
export type Limit = (name: string) => Promise<Record<string, string>>;

const seconds = 60;

/** At most `perMinute` a minute for each name, counted in this process. */
export function createLimit(perMinute: number): Limit {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: seconds });
  /** The fields of draft-ietf-httpapi-ratelimit-headers-10: what is left, and seconds until all is. */
  const headers = ({ remainingPoints, msBeforeNext }: RateLimiterRes): Record<string, string> => ({
    'ratelimit-policy': `"minute";q=${perMinute};w=${seconds}`,
    ratelimit: `"minute";r=${Math.max(0, remainingPoints)};t=${Math.ceil(msBeforeNext / 1000)}`,
  });
  return async (name) => {
    try {
      return headers(await limiter.consume(name));
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new Problem('rate_limited', `More than ${perMinute} requests in a minute.`, {
        retryAfter: refused.msBeforeNext / 1000,
        headers: headers(refused),
      });
    }
  };
}
