import type { FailureCode } from '../../domain/failures.ts';
import { toE164 } from '../../domain/phone.ts';
import type { JsonObject } from '../json-object.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { notFound } from '../shared/account-view.ts';
import { eachOnce, idIn, textIn } from '../shared/told-values.ts';
import { accountObject, instagramIn } from './account-objects.ts';
import { ruleOf } from './error-rules.ts';
import { GraphFailure } from './errors.ts';
import { hostOf, nodeOf } from './ids.ts';
import { lackingScopes } from './scopes.ts';
import { inspectToken, type TokenInfo } from './token-info.ts';
import { withKeys } from './whatsapp-keys.ts';

/** What Meta says of an account: of its token first, then of the Page, Instagram account or number. */
export async function check(given: ProviderCall): Promise<AccountView> {
  const call = withKeys(given);
  if (!call.providerAccountId) return notFound;
  if (!call.keys?.apiKey) return lost('login_lost', 'no access token');
  try {
    const info = hostOf(call) === 'instagram' ? null : await inspectToken(call, call.keys.apiKey);
    if (info && !info.isValid) return viewOfEnd(info);
    const scopes = info?.scopes ?? call.keys.scopes;
    const lacking = scopes ? lackingScopes(call.channel, hostOf(call), scopes) : [];
    if (lacking.length) return lost('permission_missing', `permission ${lacking.join(', ')} is missing`);
    const view = viewOf(call, await accountObject(call), info);
    // Others stay as they are: a renewal may have brought newer ones meanwhile.
    return call === given ? view : { ...view, keys: call.keys ?? undefined };
  } catch (error) {
    const view = viewOfFailure(error);
    if (view) return view;
    throw error;
  }
}

/** The login is over, for a reason. */
const lost = (reason: FailureCode, reported: string): AccountView => ({
  status: 'login_lost',
  reason,
  reported,
  identity: null,
  createdAt: null,
  raw: null,
});

function viewOfEnd({ error }: TokenInfo): AccountView {
  const rule = ruleOf(error?.code ?? 190, error?.subcode ?? null);
  const numbers = [error?.code, error?.subcode].filter((one) => one !== null && one !== undefined).join('/');
  const reason = rule && ends.has(rule.code) ? rule.code : 'login_lost';
  return lost(reason, numbers ? `token not valid (${numbers})` : 'token not valid');
}

/** Failures that say that the owner must log in again. */
const ends: ReadonlySet<FailureCode> = new Set(['login_lost', 'owner_check_required', 'permission_missing']);

function viewOfFailure(error: unknown): AccountView | null {
  if (!(error instanceof GraphFailure)) return null;
  if (error.code === 'not_found') return notFound;
  const { code, subcode } = error.graph ?? {};
  return ends.has(error.code) ? lost(error.code, `error ${code}${subcode ? `/${subcode}` : ''}`) : null;
}

/** What the states of a number mean, by Meta's lists, which differ; a new one is no proof that the number works. */
const numberStates: Readonly<Record<string, AccountView['status']>> = {
  CONNECTED: 'linked',
  FLAGGED: 'linked',
  RATE_LIMITED: 'linked',
  RESTRICTED: 'linked',
  UNKNOWN: 'linked',
  PENDING: 'degraded',
  UNVERIFIED: 'degraded',
  DISCONNECTED: 'login_lost',
  MIGRATED: 'login_lost',
  BANNED: 'login_lost',
  DELETED: 'not_found',
};

function viewOf(call: ProviderCall, object: JsonObject, info: TokenInfo | null): AccountView {
  const seen = { createdAt: null, raw: object, groups: groupsOf(call, object, info) };
  if (call.channel === 'whatsapp') {
    const reported = textIn(object['status'])?.toUpperCase() ?? 'UNKNOWN';
    const status = numberStates[reported] ?? 'degraded';
    const reason = reported === 'BANNED' ? ({ reason: 'account_restricted' } as const) : {};
    return { ...seen, ...reason, status, reported, identity: toE164(textIn(object['display_phone_number'])) };
  }
  if (call.channel === 'instagram') {
    const found = instagramIn(object);
    const id = idIn(found?.['user_id']) ?? idIn(found?.['id']);
    if (id !== call.providerAccountId) return lost('no_instagram_account', 'not linked to the Page');
    return { ...seen, status: 'linked', reported: 'OK', identity: id };
  }
  return { ...seen, status: 'linked', reported: 'OK', identity: idIn(object['id']) };
}

/** The owner as this app knows them, and what else accounts of one owner share. */
function groupsOf(call: ProviderCall, object: JsonObject, info: TokenInfo | null): string[] {
  const { keys } = call;
  const owner = info ? info.userId : idIn(object['id']);
  const ofOwner = owner && info?.type !== 'SYSTEM_USER' ? `user:${owner}` : null;
  if (call.channel === 'whatsapp') return eachOnce([ofOwner, keys?.business ? `waba:${keys.business}` : null]);
  return eachOnce([ofOwner, info ? `page:${nodeOf(call)}` : null]);
}
