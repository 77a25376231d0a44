import { callsPerMinuteSetting, type ProviderSettingTable } from '../../domain/provider-settings.ts';
import type { ProviderSettings } from '../provider.ts';
import { isHeaderText, secureUrl } from '../shared/settings.ts';
import type { GraphHost } from './ids.ts';
import { defaultVersion } from './versions.ts';

export const settings = {
  app_id: { env: 'META_APP_ID', kind: 'text', required: true, description: "the app's number" },
  app_secret: { env: 'META_APP_SECRET', kind: 'text', required: true, description: "the app's secret" },
  redirect_uri: {
    env: 'META_REDIRECT_URI',
    kind: 'url',
    required: false,
    description:
      "where the login page returns to, as registered at the app; this installation's own address unless given",
  },
  api_version: {
    env: 'META_API_VERSION',
    kind: 'text',
    required: false,
    description: `the version of the Graph API; ${defaultVersion} unless given`,
  },
  verify_token: {
    env: 'WEBHOOK_VERIFY_TOKEN',
    kind: 'text',
    required: false,
    description: 'the verify token that is entered at the app for its webhooks; the one that we made counts too',
  },
  instagram_app_id: {
    env: 'META_INSTAGRAM_APP_ID',
    kind: 'text',
    required: false,
    description: "the app's number for Instagram login; app_id unless given",
  },
  instagram_app_secret: {
    env: 'META_INSTAGRAM_APP_SECRET',
    kind: 'text',
    required: false,
    description: "the app's secret for Instagram login; app_secret unless given",
  },
  whatsapp_access_token: {
    env: 'WHATSAPP_ACCESS_TOKEN',
    kind: 'text',
    required: false,
    description: 'the access token of a WhatsApp login that brings none',
  },
  whatsapp_business_account_id: {
    env: 'WHATSAPP_BUSINESS_ACCOUNT_ID',
    kind: 'text',
    required: false,
    description: 'the WhatsApp business account of a login that names none',
  },
  whatsapp_phone_number_id: {
    env: 'WHATSAPP_PHONE_NUMBER_ID',
    kind: 'text',
    required: false,
    description: 'the phone number id of a WhatsApp login that names none',
  },
  base_url: {
    env: 'META_BASE_URL',
    kind: 'url',
    required: false,
    description: "where the API and its login pages are, ending before the version, unless at Meta's own hosts",
  },
  calls_per_minute: callsPerMinuteSetting('META_CALLS_PER_MINUTE'),
} as const satisfies ProviderSettingTable;

/** Where Meta's APIs and pages are, by its documentation; none has a slash at its end. */
const ownHosts = {
  facebook: 'https://graph.facebook.com',
  instagram: 'https://graph.instagram.com',
  facebookPages: 'https://www.facebook.com',
  instagramPages: 'https://www.instagram.com',
  instagramCodes: 'https://api.instagram.com',
} as const;

export type MetaService = keyof typeof ownHosts;

/** The address of a service, without a slash at its end; null where `base_url` is none. Plain http on this machine only. */
export function serviceUrl({ base_url: given }: ProviderSettings, service: MetaService): string | null {
  if (!given) return ownHosts[service];
  const url = secureUrl(given);
  return !url || url.search || url.hash ? null : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

export const versionOf = ({ api_version: given }: ProviderSettings): string => given || defaultVersion;

/** The app that tokens of a host are for. */
export const appOf = (settings: ProviderSettings, host: GraphHost): { id: string; secret: string } =>
  host === 'instagram'
    ? {
        id: settings.instagram_app_id || settings.app_id || '',
        secret: settings.instagram_app_secret || settings.app_secret || '',
      }
    : { id: settings.app_id ?? '', secret: settings.app_secret ?? '' };

const isAppId = (text: string): boolean => /^[\w-]{1,64}$/.test(text);
const isNumberOrSlug = (text: string | undefined): boolean => !text || /^[\w-]{1,64}$/.test(text);

export function checkSettings(given: ProviderSettings): string | null {
  const { app_id: id, app_secret: secret } = given;
  if (!id) return 'app_id is missing: the number of your Meta app.';
  if (!isAppId(id)) return 'app_id has characters that the number of an app cannot have.';
  if (!secret) return 'app_secret is missing.';
  const texts = ['app_secret', 'instagram_app_secret', 'whatsapp_access_token', 'verify_token'] as const;
  for (const name of texts)
    if (given[name] && !isHeaderText(given[name])) return `${name} has characters that it cannot have.`;
  const ids = ['instagram_app_id', 'whatsapp_business_account_id', 'whatsapp_phone_number_id'] as const;
  for (const name of ids) if (!isNumberOrSlug(given[name])) return `${name} has characters that an id cannot have.`;
  if (given.instagram_app_secret && !given.instagram_app_id)
    return 'instagram_app_id is missing: instagram_app_secret is the secret of that app.';
  if (!/^v\d{1,3}\.\d{1,2}$/.test(versionOf(given))) return `api_version must be such as ${defaultVersion}.`;
  if (given.redirect_uri && !secureUrl(given.redirect_uri)) return 'redirect_uri must be an https address.';
  return serviceUrl(given, 'facebook') ? null : 'base_url must be an https address that ends before the version.';
}
