import { MetaError, noObject } from './errors.ts';
import { tokenIn, type Call } from './graph/call.ts';
import { findAsset, type State } from './state.ts';
import type { Asset, InstagramAccount, Page, PhoneNumber, Token, Waba } from './types.ts';

/** A user token sees the Pages that the person chose, a Page's and Instagram's their own, a system user's its account. */
export function canSee(token: Token, asset: Asset): boolean {
  switch (asset.channel) {
    case 'messenger':
      return asset.id === token.assetId || token.pageIds.includes(asset.id);
    case 'instagram': {
      const byPage = asset.pageId !== null && (asset.pageId === token.assetId || token.pageIds.includes(asset.pageId));
      return byPage || asset.id === token.assetId;
    }
    case 'whatsapp':
      return token.kind === 'system_user' && token.assetId === asset.wabaId;
  }
}

/** Of the path's first part; `me` is the token's own. Throws 100/33. */
export function assetOf(state: State, call: Call): Asset {
  const token = tokenIn(call);
  const id = call.node === 'me' ? (token.assetId ?? '') : call.node;
  const asset = findAsset(state, id);
  if (!asset || !canSee(token, asset)) throw noObject(call.method, call.node);
  return asset;
}

/** What is written in by people: a Page or an Instagram account. Throws 100/33. */
export function inboxOf(state: State, call: Call): Page | InstagramAccount {
  const asset = assetOf(state, call);
  if (asset.channel === 'whatsapp') throw noObject(call.method, call.node);
  return asset;
}

/** Throws 100/33. */
export function numberOf(state: State, call: Call): PhoneNumber {
  const asset = assetOf(state, call);
  if (asset.channel !== 'whatsapp') throw noObject(call.method, call.node);
  return asset;
}

/** Throws 100/33. */
export function wabaOf(state: State, call: Call): Waba {
  const token = tokenIn(call);
  const waba = state.world.wabas.get(call.node);
  if (!waba || token.kind !== 'system_user' || token.assetId !== waba.id) throw noObject(call.method, call.node);
  return waba;
}

/** Throws 210 for a user token where only the Page's own will do. */
export function requireOwnToken(call: Call, asset: Page | InstagramAccount): void {
  const { kind } = tokenIn(call);
  if (kind === 'page' || kind === 'instagram') return;
  throw new MetaError(210, `(#210) A page access token is required to request this resource (${asset.id})`);
}
