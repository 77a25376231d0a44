import type { Response } from 'express';
import { MetaError } from '../errors.ts';
import { findAsset, type State } from '../state.ts';
import type { Asset, Channel, Token } from '../types.ts';

const HOUR = 3600;
const OVER_LIMIT: Record<Channel, number> = { messenger: 80006, instagram: 80002, whatsapp: 80007 };
const TYPES: Record<Channel, string> = { messenger: 'messenger', instagram: 'instagram', whatsapp: 'whatsapp' };

/** Sets the usage headers, as the variants say, and counts the call. Throws 4 or 800xx over a limit. */
export function takeUsage(state: State, res: Response, token: Token, node: string): void {
  const { app_usage, business_usage, app_calls_per_hour, page_calls_per_hour } = state.variants.values;
  const asset = findAsset(state, token.assetId ?? '') ?? findAsset(state, node);
  const app = count(
    state,
    `app ${token.appId}`,
    token.kind === 'app' || token.kind === 'user' ? app_calls_per_hour : null,
  );
  const page = asset && count(state, `asset ${asset.id}`, page_calls_per_hour);

  const appPercent = app_usage ?? app?.percent ?? null;
  if (appPercent !== null) res.set('x-app-usage', JSON.stringify(callCounts(appPercent)));
  const isMeant = business_usage !== null && asset !== null && (business_usage.id ?? asset.id) === asset.id;
  const percent = isMeant ? business_usage.percent : (page?.percent ?? null);
  if (asset && percent !== null) {
    const minutes = isMeant ? business_usage.minutes : (page?.minutes ?? 0);
    res.set('x-business-use-case-usage', JSON.stringify({ [asset.id]: [usageOf(asset, percent, minutes)] }));
  }
  if (app?.isOver) throw new MetaError(4, '(#4) Application request limit reached', { isTransient: true });
  if (page?.isOver && asset) {
    throw new MetaError(
      OVER_LIMIT[asset.channel],
      `(#${OVER_LIMIT[asset.channel]}) There have been too many calls to this account. Wait a bit and try again.`,
    );
  }
}

function usageOf(asset: Asset, percent: number, minutes: number): object {
  return { type: TYPES[asset.channel], ...callCounts(percent), estimated_time_to_regain_access: minutes };
}

/** Other shares than of calls are lower. */
const callCounts = (percent: number): object => ({
  call_count: percent,
  total_cputime: Math.floor(percent / 4),
  total_time: Math.floor(percent / 3),
});

/** Null without a limit. `minutes` until calls are taken again. */
function count(
  state: State,
  key: string,
  limit: number | null,
): { percent: number; minutes: number; isOver: boolean } | null {
  if (limit === null) return null;
  const { usage, retryAt } = state.limits.take(key, [{ limit, seconds: HOUR }]);
  const used = limit - (usage?.remaining ?? limit);
  const minutes = retryAt === null ? 0 : Math.ceil((retryAt - state.shared.clock.now()) / 60_000);
  return { percent: Math.round((used * 100) / limit), minutes, isOver: retryAt !== null };
}
