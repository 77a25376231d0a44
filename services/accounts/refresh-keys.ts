import { accountKeys, keepAccountKeys } from '../../db/queries/accounts/account-keys.ts';
import { lockAccountOfLogin } from '../../db/queries/accounts/lock-accounts.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';

/**
 * The same call with keys that need no renewal: those whose time has come are renewed at the provider and kept. Expired
 * ones stay as they are, as only a new login replaces them. Throws `ProviderFailure`.
 */
export async function withFreshKeys(
  context: Context,
  of: { tenantId: string; accountId: string },
  provider: Provider,
  call: ProviderCall,
): Promise<ProviderCall> {
  const { apiKey, refreshAt = Infinity, expiresAt = Infinity } = call.keys ?? {};
  if (!provider.tokens || call.now < refreshAt || call.now >= expiresAt) return call;
  const keys = await provider.tokens.refreshToken(call);
  await context.db.tenant(of.tenantId, async (em) => {
    const account = await lockAccountOfLogin(em, of.accountId, call.providerAccountId ?? '');
    if (!account) return;
    const keyset = await context.vault.keysOf(em, of.tenantId);
    // A login that ended meanwhile has brought newer keys.
    if (accountKeys(keyset, account)?.apiKey === apiKey) await keepAccountKeys(em, context.vault, account, keys);
  });
  return { ...call, keys };
}
