import { callsPerMinuteSetting, type ProviderSettingTable } from '../../domain/provider-settings.ts';
import type { ProviderSettings } from '../provider.ts';
import { isHeaderText, secureUrl } from '../shared/settings.ts';

export const settings = {
  api_token: {
    env: 'WASENDER_API_TOKEN',
    kind: 'text',
    required: true,
    description: 'a personal access token, or the key of one session',
  },
  base_url: {
    env: 'WASENDER_BASE_URL',
    kind: 'url',
    required: false,
    description: 'where the API is, unless at https://www.wasenderapi.com/api',
  },
  calls_per_minute: callsPerMinuteSetting('WASENDER_CALLS_PER_MINUTE'),
} as const satisfies ProviderSettingTable;

/** By WASender's documentation. */
const usualBase = 'https://www.wasenderapi.com/api';

/** The address that paths follow, without a slash at its end; null for what is none. Plain http on this machine only. */
export function baseUrl({ base_url: given }: ProviderSettings): string | null {
  const url = secureUrl(given || usualBase);
  if (!url || url.search || url.hash) return null;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * The token, where it is one session's key instead of a personal access token: those are a number, a bar and a random
 * text, keys have no bar. A key alone can use its own session, and create or delete nothing.
 */
export const soleSessionKey = ({ api_token: token }: ProviderSettings): string | null =>
  token && !token.includes('|') ? token : null;

export function checkSettings(settings: ProviderSettings): string | null {
  const { api_token: token } = settings;
  if (!token) return 'api_token is missing: a personal access token, or the key of one session.';
  if (!isHeaderText(token)) return 'api_token has characters that a token cannot have.';
  if (!/^(\d+\|[^|]+|[0-9a-z]{32,128})$/i.test(token))
    return 'api_token is neither a personal access token (number, bar, text) nor the key of a session (64 characters).';
  return baseUrl(settings) ? null : 'base_url must be an https address such as https://www.wasenderapi.com/api.';
}
