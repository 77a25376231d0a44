import { assetOf, requireOwnToken, wabaOf } from '../access.ts';
import { invalidParameter, noObject } from '../errors.ts';
import { graphRoute, requireScope, tokenIn, type Call, type Route } from '../graph/call.ts';
import type { State } from '../state.ts';
import type { InstagramAccount, Page, Token } from '../types.ts';
import { overrideIn } from '../webhooks/challenge.ts';

/** Which apps get the webhooks of a Page, an Instagram account or a WhatsApp account. */
export const subscribedAppRoutes = (state: State): Route[] => [
  graphRoute('GET /:node/subscribed_apps', (call) => {
    if (isWaba(state, call)) {
      return {
        data: [...wabaOf(state, call).subscribedApps].map(([id, override]) => ({
          whatsapp_business_api_data: {
            id,
            name: 'Patchbay sandbox',
            link: `https://www.facebook.com/games/?app_id=${id}`,
          },
          ...(override && { override_callback_uri: override.url }),
        })),
      };
    }
    const asset = subscribable(state, call);
    const named = (id: string): object =>
      asset.channel === 'messenger'
        ? { id, name: 'Patchbay sandbox', link: `https://www.facebook.com/games/?app_id=${id}`, category: 'Business' }
        : { app_id: id };
    return { data: [...asset.subscribedApps].map(([id, fields]) => ({ ...named(id), subscribed_fields: fields })) };
  }),
  graphRoute('POST /:node/subscribed_apps', async (call) => {
    const token = tokenIn(call);
    if (isWaba(state, call)) {
      const waba = wabaOf(state, call);
      requireScope(token, 'whatsapp_business_management');
      waba.subscribedApps.set(token.appId, await overrideIn(call.params.all));
      return success(state);
    }
    const asset = subscribable(state, call);
    const fields = call.params.list('subscribed_fields');
    if (fields.length === 0) throw invalidParameter('The parameter subscribed_fields is required.');
    asset.subscribedApps.set(token.appId, fields);
    return success(state);
  }),
  graphRoute('DELETE /:node/subscribed_apps', (call) => {
    const { appId } = tokenIn(call);
    const { subscribedApps } = isWaba(state, call) ? wabaOf(state, call) : subscribable(state, call);
    subscribedApps.delete(appId);
    return success(state);
  }),
];

const isWaba = (state: State, { node }: Call): boolean => state.world.wabas.has(node);

const success = (state: State): object => ({
  success: state.variants.values.success_answer === 'text' ? 'true' : true,
});

/** A Page with its own token, or an Instagram account with that of Instagram login. Throws 100/33, 200, 210. */
function subscribable(state: State, call: Call): Page | InstagramAccount {
  const asset = assetOf(state, call);
  const token: Token = tokenIn(call);
  if (asset.channel === 'whatsapp') throw noObject(call.method, call.node);
  if (asset.channel === 'instagram' && token.kind !== 'instagram') throw noObject(call.method, call.node);
  requireOwnToken(call, asset);
  if (asset.channel === 'messenger') {
    requireScope(token, 'pages_manage_metadata');
    requireScope(token, 'pages_messaging', 'instagram_manage_messages');
  } else requireScope(token, 'instagram_business_manage_messages');
  return asset;
}
