import type { CredentialsCall } from '../provider.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { amountIn, idIn, textIn } from '../shared/told-values.ts';
import { appCall } from './client.ts';
import { appOf, versionOf } from './settings.ts';

/** What Meta says of a token. Times are milliseconds since the epoch; null where there is no end. */
export interface TokenInfo {
  isValid: boolean;
  appId: string | null;
  /** `USER`, `PAGE`, `SYSTEM_USER` or `APP`. */
  type: string | null;
  expiresAt: number | null;
  /** When Meta stops giving data to the app unless the owner logs in again. */
  dataUntil: number | null;
  scopes: string[];
  /** The owner, as this app knows them. */
  userId: string | null;
  /** Of a Page's token. */
  pageId: string | null;
  /** Why it is not valid, as the numbers of an error. */
  error: { code: number | null; subcode: number | null } | null;
}

/** The token of the app itself. */
const appToken = ({ settings }: CredentialsCall): string => {
  const { id, secret } = appOf(settings, 'facebook');
  return `${id}|${secret}`;
};

/** GET /debug_token, of tokens of Facebook logins and of system users. Throws where the app's secret is refused. */
export async function inspectToken(call: CredentialsCall, token: string): Promise<TokenInfo> {
  const answer = await appCall(call, {
    method: 'GET',
    service: 'facebook',
    path: `/${versionOf(call.settings)}/debug_token`,
    query: { input_token: token, access_token: appToken(call) },
  });
  return readTokenInfo(asObject(answer['data']) ?? {});
}

/** Asks for the app's own token, which the app's secret makes. */
export const inspectApp = (call: CredentialsCall): Promise<TokenInfo> => inspectToken(call, appToken(call));

function readTokenInfo(data: JsonObject): TokenInfo {
  const error = asObject(data['error']);
  return {
    isValid: data['is_valid'] === true,
    appId: idIn(data['app_id']),
    type: textIn(data['type'])?.toUpperCase() ?? null,
    expiresAt: momentIn(data['expires_at']),
    dataUntil: momentIn(data['data_access_expires_at']),
    scopes: asList(data['scopes']).flatMap((one) => textIn(one) ?? []),
    userId: idIn(data['user_id']),
    pageId: idIn(data['profile_id']),
    error: error && { code: amountIn(error['code']), subcode: amountIn(error['subcode'] ?? error['error_subcode']) },
  };
}

/** Unix seconds as milliseconds; 0 and nothing mean no end. */
function momentIn(value: unknown): number | null {
  const seconds = amountIn(value);
  return seconds ? seconds * 1_000 : null;
}
