import { findApp } from '../apps.ts';
import { invalidParameter, MetaError, noObject } from '../errors.ts';
import { graphRoute, tokenIn, type Call, type Route } from '../graph/call.ts';
import { asText, isObject } from '../graph/params.ts';
import { servedVersion } from '../graph/version.ts';
import type { State } from '../state.ts';
import type { App } from '../types.ts';
import type { Node } from '../views.ts';
import { verifyCallback } from '../webhooks/challenge.ts';

const OBJECTS = new Set(['page', 'instagram', 'whatsapp_business_account', 'user', 'permissions']);

/** What an app sets by its own token: where its webhooks go. */
export const appRoutes = (state: State): Route[] => [
  graphRoute('GET /:node/subscriptions', (call, _req, res) => {
    const app = ownApp(state, call);
    const version = servedVersion(res);
    return {
      data: [...app.subscriptions].map(([object, { url, fields }]) => ({
        object,
        callback_url: url,
        active: true,
        fields: fields.map((name) => ({ name, version })),
      })),
    };
  }),
  graphRoute('POST /:node/subscriptions', async (call) => {
    const app = ownApp(state, call);
    const { params } = call;
    const object = params.required('object');
    if (!OBJECTS.has(object)) throw invalidParameter(`Param object must be one of ${[...OBJECTS].join(', ')}`);
    const url = params.required('callback_url');
    const verifyToken = params.required('verify_token');
    const fields = fieldNames(call);
    if (fields.length === 0) throw invalidParameter('The parameter fields is required.');
    await verifyCallback(url, verifyToken);
    app.subscriptions.set(object, { url, verifyToken, fields });
    return { success: true };
  }),
  graphRoute('DELETE /:node/subscriptions', (call) => {
    const app = ownApp(state, call);
    const object = call.params.text('object');
    const fields = fieldNames(call);
    const known = object === undefined ? undefined : app.subscriptions.get(object);
    if (object === undefined) app.subscriptions.clear();
    else if (known && fields.length > 0) known.fields = known.fields.filter((one) => !fields.includes(one));
    else app.subscriptions.delete(object);
    return { success: true };
  }),
];

/** Names, or objects with a name. */
function fieldNames({ params }: Call): string[] {
  const value = params.json('fields');
  if (!Array.isArray(value)) return params.list('fields');
  return value.map((one) => asText(isObject(one) ? one['name'] : one));
}

/** With the app's own token. Throws 100/33, 15. */
function ownApp(state: State, call: Call): App {
  const app = findApp(state, call.node);
  const token = tokenIn(call);
  if (!app || app.id !== token.appId) throw noObject(call.method, call.node);
  if (token.kind !== 'app') throw new MetaError(15, '(#15) This method must be called with an app access_token.');
  return app;
}

export function appNode({ id, deauthorizeUrl }: App): Node {
  const view = {
    id,
    name: 'Patchbay sandbox',
    category: 'Business',
    link: `https://www.facebook.com/games/?app_id=${id}`,
    deauth_callback_url: deauthorizeUrl ?? undefined,
  };
  return { view, defaults: ['category', 'link', 'name', 'id'], type: 'Application' };
}

/** The addresses that the app's dashboard holds: empty takes one back. */
export function saveApp(state: State, call: Call): object {
  const app = ownApp(state, call);
  const { all } = call.params;
  if ('deauth_callback_url' in all) app.deauthorizeUrl = addressOf(call, 'deauth_callback_url');
  if ('data_deletion_url' in all) app.dataDeletionUrl = addressOf(call, 'data_deletion_url');
  return { success: true };
}

function addressOf({ params }: Call, name: string): string | null {
  const text = params.text(name);
  if (text === undefined) return null;
  if (!URL.canParse(text)) throw invalidParameter(`Param ${name} must be a valid URI`);
  return text;
}
