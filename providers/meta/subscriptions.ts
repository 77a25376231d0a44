import type { Channel } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { WebhookTargets } from '../contract/account.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import type { CredentialsCall, ProviderCall } from '../provider.ts';
import { eachOnce, idIn, textIn } from '../shared/told-values.ts';
import { appCall, graph, hasSucceeded } from './client.ts';
import { GraphFailure } from './errors.ts';
import { businessOf, hostOf, nodeOf, segment } from './ids.ts';
import { appOf, versionOf } from './settings.ts';
import { withKeys } from './whatsapp-keys.ts';

/** Fields of a Page's webhooks that tell of messages; those of its Instagram account come with them. */
const pageFields = [
  'messages',
  'messaging_postbacks',
  'messaging_referrals',
  'message_deliveries',
  'message_reads',
  'message_reactions',
  'message_echoes',
  'message_edits',
];

const instagramFields = [
  'messages',
  'messaging_postbacks',
  'messaging_seen',
  'messaging_referral',
  'message_reactions',
  'message_edit',
];

const whatsappFields = [
  'messages',
  'account_update',
  'phone_number_quality_update',
  'phone_number_name_update',
  'message_template_status_update',
  'message_template_quality_update',
  'template_category_update',
  'history',
  'smb_message_echoes',
  'smb_app_state_sync',
];

/** What the app is subscribed to, by Meta's names of objects. */
const objects = {
  page: pageFields,
  instagram: instagramFields,
  whatsapp_business_account: whatsappFields,
} as const;

/** The fields that the events of an account come from. */
export function fieldsOf(call: ProviderCall): readonly string[] {
  if (call.channel === 'whatsapp') return whatsappFields;
  return call.channel === 'instagram' ? instagramFields : pageFields;
}

/**
 * Has the events of an account sent to the app. What the owner gave no permission for is left out: the account then works
 * without events, and its details say so.
 */
export async function subscribe(given: ProviderCall): Promise<void> {
  const call = withKeys(given);
  try {
    const answer = await graph(call, 'POST', subscriptionPath(call), queryOf(call));
    if (!hasSucceeded(answer)) throw new ProviderFailure('provider_unavailable', 'Meta did not subscribe the account.');
  } catch (error) {
    if (!(error instanceof GraphFailure) || error.code !== 'permission_missing') throw error;
  }
  if (call.channel === 'instagram') await readOnce(call);
}

const queryOf = (call: ProviderCall) =>
  call.channel === 'whatsapp' ? {} : { query: { subscribed_fields: wantedOf(call).join(',') } };

/** The app no longer gets the events of the account's Page, Instagram account or WhatsApp account. */
export async function unsubscribe(given: ProviderCall): Promise<void> {
  const call = withKeys(given);
  await graph(call, 'DELETE', subscriptionPath(call));
}

/** The fields that the account is subscribed to; null where it is not. A WhatsApp account has none of its own. */
export async function subscribedFields(given: ProviderCall): Promise<readonly string[] | null> {
  const call = withKeys(given);
  const answer = await graph(call, 'GET', subscriptionPath(call));
  const ids = (['facebook', 'instagram'] as const).map((host) => appOf(call.settings, host).id);
  const ours = asList(answer['data'])
    .map(asObject)
    .find((app) => app && isOneOf(app, ids));
  if (!ours) return null;
  return call.channel === 'whatsapp' ? whatsappFields : eachOnce(asList(ours['subscribed_fields']).map(textIn));
}

/** Other apps of the same Page or account are listed, too; each object names them in its own way. */
function isOneOf(app: JsonObject, ids: readonly string[]): boolean {
  const named = idIn(app['id']) ?? idIn(app['app_id']) ?? idIn(asObject(app['whatsapp_business_api_data'])?.['id']);
  return named === null || ids.includes(named);
}

/** Fields that the account is not subscribed to, of those that `subscribe` asks for; null where it is to none. */
export async function missingEvents(call: ProviderCall): Promise<readonly string[] | null> {
  const subscribed = await subscribedFields(call);
  return subscribed && wantedOf(withKeys(call)).filter((field) => !subscribed.includes(field));
}

function wantedOf(call: ProviderCall): readonly string[] {
  if (call.channel === 'whatsapp') return whatsappFields;
  return hostOf(call) === 'instagram' ? instagramFields : pageFields;
}

function subscriptionPath(call: ProviderCall): string {
  const node = call.channel === 'whatsapp' ? businessOf(call) : nodeOf(call);
  return `/${segment(node)}/subscribed_apps`;
}

/** A creator's account gets no events before its conversations were asked for once. Whether there are any does not matter. */
async function readOnce(call: ProviderCall): Promise<void> {
  try {
    const query = { platform: 'instagram', limit: '1' };
    await graph(call, 'GET', `/${segment(nodeOf(call))}/conversations`, { query });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
  }
}

/**
 * Has the app's events sent to `address`, which Meta asks at once with the secret. An app has one address for each kind of
 * object: an operator who entered a verify token of their own has entered the address, too, and it stays. Meta takes none
 * but https.
 */
export async function registerWebhooks(call: CredentialsCall, address: string, secret: string): Promise<string[]> {
  const { verify_token: own, base_url: base } = call.settings;
  if (!base && (own || !address.startsWith('https:'))) return [];
  const { id, secret: appSecret } = appOf(call.settings, 'facebook');
  for (const [object, fields] of Object.entries(objects))
    await appCall(call, {
      method: 'POST',
      service: 'facebook',
      path: `/${versionOf(call.settings)}/${segment(id)}/subscriptions`,
      body: new URLSearchParams({
        access_token: `${id}|${appSecret}`,
        object,
        callback_url: address,
        verify_token: secret,
        fields: fields.join(','),
        include_values: 'true',
      }),
    });
  return Object.keys(objects);
}

/** The webhook of each kind of object that the app has: one for all accounts of a channel. */
export async function webhookTargets(call: CredentialsCall): Promise<WebhookTargets> {
  const { id, secret } = appOf(call.settings, 'facebook');
  const answer = await appCall(call, {
    method: 'GET',
    service: 'facebook',
    path: `/${versionOf(call.settings)}/${segment(id)}/subscriptions`,
    query: { access_token: `${id}|${secret}` },
  });
  const found = new Map(
    asList(answer['data'])
      .map(asObject)
      .flatMap((one) => (one ? [[textIn(one['object']), one] as const] : [])),
  );
  return ({ channel }) => {
    const object = objectOf(channel);
    const one = found.get(object);
    if (one?.['active'] === false || !one) return { address: null, missing: [] };
    const names = asList(one['fields']).map((field) => textIn(asObject(field)?.['name'] ?? field));
    const missing = objects[object].filter((name) => !names.includes(name));
    return { address: textIn(one['callback_url']), missing };
  };
}

const objectOf = (channel: Channel): keyof typeof objects => {
  if (channel === 'whatsapp') return 'whatsapp_business_account';
  return channel === 'instagram' ? 'instagram' : 'page';
};
