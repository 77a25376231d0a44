import { callsPerMinuteSetting, type ProviderSettingTable } from '../../domain/provider-settings.ts';
import type { ProviderSettings } from '../provider.ts';
import { isHeaderText, secureUrl } from '../shared/settings.ts';

export const settings = {
  dsn: {
    env: 'UNIPILE_DSN',
    kind: 'host',
    required: true,
    description: 'host and port of your UniPile API, such as api1.unipile.com:13111',
  },
  access_token: { env: 'UNIPILE_ACCESS_TOKEN', kind: 'text', required: true, description: 'an access token' },
  calls_per_minute: callsPerMinuteSetting('UNIPILE_CALLS_PER_MINUTE'),
} as const satisfies ProviderSettingTable;

/** `dsn` as UniPile's dashboard shows it (`host:port`), or as an address. Plain http only on this machine. */
export function baseUrl({ dsn }: ProviderSettings): string | null {
  const url = dsn ? secureUrl(dsn, settings.dsn.kind) : null;
  return url && `${url.origin}/api/v1`;
}

export function checkSettings(given: ProviderSettings): string | null {
  const { access_token: token } = given;
  if (!baseUrl(given)) return 'dsn must be the host and port of your UniPile API, such as api1.unipile.com:13111.';
  if (!token) return 'access_token is missing.';
  return isHeaderText(token) ? null : 'access_token has characters that a token cannot have.';
}
