import { createHmac } from 'node:crypto';
import type { State } from '../state.ts';
import type { App, Asset, CallbackAddress } from '../types.ts';

type WebhookObject = 'page' | 'instagram' | 'whatsapp_business_account';

/** One item of a webhook: of `messaging`, or a change. */
export interface Item {
  /** The field that an app subscribes to. */
  field: string;
  /** Epoch milliseconds. */
  time: number;
  messaging?: object;
  value?: object;
}

const OBJECTS: Record<Asset['channel'], WebhookObject> = {
  messenger: 'page',
  instagram: 'instagram',
  whatsapp: 'whatsapp_business_account',
};

interface Target {
  app: App;
  address: CallbackAddress;
}

/** Sends the items of an account to every app that subscribes to their field, so many in one request as the variant says. */
export function emit(state: State, asset: Asset, items: readonly Item[]): void {
  for (const app of state.world.apps.values()) {
    const subscription = app.subscriptions.get(OBJECTS[asset.channel]);
    if (!subscription) continue;
    const wanted = items.filter(({ field }) => wants(state, app, asset, subscription.fields, field));
    if (wanted.length === 0) continue;
    const target = { app, address: overrideOf(state, app, asset) ?? subscription };
    const size = state.variants.values.webhook_batch;
    for (let at = 0; at < wanted.length; at += size) send(state, target, asset, wanted.slice(at, at + size));
  }
}

/** The app subscribes to the field, and is subscribed to the account. */
function wants(state: State, app: App, asset: Asset, fields: readonly string[], field: string): boolean {
  if (!fields.includes(field)) return false;
  if (asset.channel === 'messenger') return asset.subscribedApps.get(app.id)?.includes(field) ?? false;
  if (asset.channel === 'instagram') {
    const page = state.world.pages.get(asset.pageId ?? '');
    // An account has all fields of the app: a choice by account is not supported.
    return asset.subscribedApps.has(app.id) || (page?.subscribedApps.has(app.id) ?? false);
  }
  return state.world.wabas.get(asset.wabaId)?.subscribedApps.has(app.id) ?? false;
}

/** The number's address goes before the account's, and that before the app's. */
function overrideOf(state: State, app: App, asset: Asset): CallbackAddress | null {
  if (asset.channel !== 'whatsapp') return null;
  return asset.override ?? state.world.wabas.get(asset.wabaId)?.subscribedApps.get(app.id) ?? null;
}

function send(state: State, target: Target, asset: Asset, items: readonly Item[]): void {
  const [first] = items;
  const entry = entryOf(state, asset, items);
  const object = OBJECTS[asset.channel];
  const body = JSON.stringify({ object, entry: [entry] });
  post(state, target, asset, isEscaped(state, object) ? escaped(body) : body, `${object} ${first?.field ?? ''}`);
}

/** Changes count in seconds, messages in milliseconds. Some apps of Instagram are said to get messages as changes. */
function entryOf(state: State, asset: Asset, items: readonly Item[]): object {
  const time = items.at(-1)?.time ?? 0;
  if (asset.channel === 'whatsapp')
    return { id: asset.wabaId, changes: items.map(({ field, value }) => ({ value, field })) };
  if (asset.channel === 'instagram' && state.variants.values.instagram_changes) {
    const changes = items.map(({ field, messaging }) => ({ field, value: messaging }));
    return { id: asset.id, time: Math.floor(time / 1000), changes };
  }
  return { id: asset.id, time, messaging: items.map(({ messaging }) => messaging) };
}

/** A body as it is, signed, to where the account's webhooks go. Returns to how many apps. */
export function sendRaw(state: State, asset: Asset, body: string): number {
  let sent = 0;
  for (const app of state.world.apps.values()) {
    const subscription = app.subscriptions.get(OBJECTS[asset.channel]);
    if (!subscription) continue;
    post(state, { app, address: overrideOf(state, app, asset) ?? subscription }, asset, body, 'raw');
    sent++;
  }
  return sent;
}

/** As documented: Messenger's bodies are escaped; of WhatsApp's nothing is known. */
function isEscaped(state: State, object: WebhookObject): boolean {
  const { webhook_escape: form } = state.variants.values;
  return form === 'all' || (form === 'documented' && object !== 'whatsapp_business_account');
}

/** JSON in ASCII, with slashes escaped, as PHP writes it. */
const escaped = (json: string): string =>
  json
    .replaceAll('/', '\\/')
    .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function post(state: State, { app, address }: Target, asset: Asset, body: string, label: string): void {
  const { instagram_signature, webhook_retry_base_seconds: base, ...variants } = state.variants.values;
  const byInstagram = asset.channel === 'instagram' && instagram_signature === 'instagram';
  const secret = byInstagram ? app.instagram.secret : app.secret;
  const sign = (algorithm: string): string =>
    `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
  state.shared.deliveries.send({
    provider: 'meta',
    url: address.url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'facebookexternalua',
      'x-hub-signature': sign('sha1'),
      'x-hub-signature-256': sign('sha256'),
    },
    body,
    lane: `meta ${address.url} ${asset.id}`,
    label,
    // Each wait is doubled: the last one ends after the hours of the variant, by the sandbox's clock.
    retries: Math.floor(Math.log2((variants.webhook_retry_hours * 3600) / base + 1)),
    retryBaseSeconds: base,
    retriesByClock: true,
    timeoutSeconds: variants.webhook_timeout_seconds,
    answered: (ok) => watch(state, asset, ok),
  });
}

/** Messenger unsubscribes the app from a Page, and from its Instagram account, when webhooks fail for an hour. */
function watch(state: State, asset: Asset, ok: boolean): void {
  const page =
    asset.channel === 'messenger'
      ? asset
      : state.world.pages.get((asset.channel === 'instagram' && asset.pageId) || '');
  const { unsubscribe_after_seconds: after } = state.variants.values;
  if (!page || after === null) return;
  const now = state.shared.clock.now();
  if (ok) page.failingSince = null;
  else page.failingSince ??= now;
  if (page.failingSince === null || now - page.failingSince < after * 1000) return;
  page.subscribedApps.clear();
  page.failingSince = null;
}
