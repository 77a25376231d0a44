import { setTimeout as pause } from 'node:timers/promises';
import { Account } from '../../db/entities/accounts.ts';
import { accountKeys } from '../../db/queries/accounts/account-keys.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { renewKeys } from './renew-keys.ts';

/** How long a caller waits for a renewal that another process makes, and how often it looks, in milliseconds. */
const patience = { ms: 10_000, restMs: 200 };

/**
 * The same call with keys that need no renewal: those whose time has come are renewed first. Where that fails it goes on with
 * the old ones, which still work: the sweep of tokens tries again.
 */
export async function withFreshKeys(
  context: Context,
  of: { tenantId: string; accountId: string },
  provider: Provider,
  call: ProviderCall,
): Promise<ProviderCall> {
  const { refreshAt = Infinity, expiresAt = Infinity } = call.keys ?? {};
  if (!provider.tokens || call.now < refreshAt || call.now >= expiresAt) return call;
  const ref = { ...of, at: new Date(call.now), kind: 'live' } as const;
  for (let waited = 0; ; waited += patience.restMs) {
    const outcome = await renewKeys(context, ref);
    if (outcome !== 'busy' || waited >= patience.ms) break;
    await pause(patience.restMs, undefined, { signal: call.signal });
  }
  return { ...call, keys: await keysNow(context, of, call) };
}

/** The keys of the call's login as they are now. */
const keysNow = (
  { db, vault }: Context,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  { providerAccountId, keys }: ProviderCall,
): Promise<ProviderCall['keys']> =>
  db.tenant(tenantId, async (em) => {
    const account = await em.findOne(Account, { id: accountId, providerAccountId });
    return account ? accountKeys(await vault.keysOf(em, tenantId), account) : keys;
  });
