import { asList, asObject, parseObject, type JsonObject } from '../json-object.ts';
import type { CallPressure } from '../contract/call.ts';
import type { HttpAnswer } from '../shared/http.ts';
import { appLimit } from './ids.ts';
import { amountIn } from '../shared/told-values.ts';

const percents = ['call_count', 'total_time', 'total_cputime'] as const;
/** One answer tells of up to 32 objects. */
const mostObjects = 32;
const minuteMs = 60_000;
/** No block lasts longer. */
const longestBlockMs = 24 * 60 * minuteMs;

/**
 * How full Meta's limits are, as the headers of an answer tell. `of`: what the answered call counts toward. Where the limits
 * of a business object apply, that of the app does not; where it applies to a call about an account, it holds for all calls.
 */
export function pressuresIn(headers: HttpAnswer['headers'], of: readonly string[], now: number): CallPressure[] {
  const objects = objectPressures(objectIn(headers['x-business-use-case-usage']), now);
  const page = percentIn(objectIn(headers['x-page-usage']));
  const app = percentIn(objectIn(headers['x-app-usage']));
  const told = [...objects];
  const [object = null] = of.filter((name) => name !== appLimit);
  if (page !== null && object !== null && !objects.length) told.push({ of: object, percent: page, until: null });
  if (app !== null && !objects.length) told.push({ of: object === null ? appLimit : null, percent: app, until: null });
  return told;
}

/** Each object with the fullest of its limits. */
function objectPressures(usage: JsonObject | null, now: number): CallPressure[] {
  return Object.entries(usage ?? {})
    .slice(0, mostObjects)
    .flatMap(([of, limits]) => {
      const each = asList(limits).flatMap((one) => {
        const limit = asObject(one);
        const percent = percentIn(limit);
        return percent === null
          ? []
          : [{ percent, minutes: amountIn(limit?.['estimated_time_to_regain_access']) ?? 0 }];
      });
      if (!each.length) return [];
      const waitMs = Math.min(Math.max(...each.map(({ minutes }) => minutes)) * minuteMs, longestBlockMs);
      const percent = Math.max(...each.map((one) => one.percent));
      // A time to wait means a block, whatever the numbers say.
      return [{ of, percent: waitMs > 0 ? Math.max(percent, 100) : percent, until: waitMs > 0 ? now + waitMs : null }];
    });
}

const objectIn = (header: unknown): JsonObject | null => (typeof header === 'string' ? parseObject(header) : null);

function percentIn(usage: JsonObject | null): number | null {
  const told = percents.flatMap((name) => amountIn(usage?.[name]) ?? []);
  return told.length ? Math.max(...told) : null;
}

/** Until when an answer's limits ask to wait; null where they do not. */
export function blockedUntil(pressures: readonly CallPressure[]): number | null {
  const ends = pressures.flatMap(({ percent, until }) => (percent >= 100 && until !== null ? [until] : []));
  return ends.length ? Math.max(...ends) : null;
}
