import type { ProviderSettings } from '../provider.ts';

/** Where WASender's own documentation and client ask. */
const usualBase = 'https://www.wasenderapi.com/api';

/** The address that paths follow, without a slash at its end; null for what is none. Plain http on this machine only. */
export function baseUrl({ base_url: given }: ProviderSettings): string | null {
  const address = given || usualBase;
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  const local = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) return null;
  if (url.username || url.password || url.search || url.hash) return null;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * The token, where it is one session's key instead of a personal access token: those are a number, a bar and a random
 * text, keys have no bar. With a key alone nothing can be created or deleted, only its own session be used.
 */
export const soleSessionKey = ({ api_token: token }: ProviderSettings): string | null =>
  token && !token.includes('|') ? token : null;

/** What is wrong with the settings, as one sentence; null when they will do. */
export function checkSettings(settings: ProviderSettings): string | null {
  const { api_token: token } = settings;
  if (!token) return 'api_token is missing: a personal access token, or the key of one session.';
  // It goes into a header as it is.
  if (!/^[\x21-\x7e]+$/.test(token)) return 'api_token has characters that a token cannot have.';
  if (!/^(\d+\|[^|]+|[0-9a-z]{32,128})$/i.test(token))
    return 'api_token is neither a personal access token (number, bar, text) nor the key of a session (64 characters).';
  return baseUrl(settings) ? null : 'base_url must be an https address such as https://www.wasenderapi.com/api.';
}
