import { moveAccount } from '../../db/queries/accounts/timeline.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { settingsOf } from '../../db/queries/tenants/credentials.ts';
import {
  hastenProbe,
  leaseProbes,
  parkCredentials,
  releaseCredentials,
} from '../../db/queries/tenants/refused-keys.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { CredentialsCall, Provider } from '../../providers/provider.ts';
import { aroundCalls } from '../around-calls.ts';
import { reachOfCredentials } from '../provider-reach.ts';
import type { Context } from '../context.ts';

type Watching = Pick<Context, 'db' | 'clock' | 'log'>;

/** How long one probe may take, in milliseconds. */
const probeMs = 10_000;
/** Probes at the same time. */
const probesAtOnce = 20;

/**
 * The same provider, for calls with these credentials: a call that is refused parks them, so that only probes and
 * people's requests use them; one that succeeds makes the next probe due.
 */
export const watchKey = (
  context: Watching,
  provider: Provider,
  { settings, reach, now }: CredentialsCall,
  { id, refusedAt }: ProviderCredentials,
): Provider =>
  aroundCalls(provider, async (_verb, answer) => {
    try {
      const value = await answer;
      if (refusedAt) await hasten(context, id);
      return value;
    } catch (error) {
      if (isRefused(error)) await parkWhereRefused(context, provider, { settings, reach, now }, id);
      throw error;
    }
  });

const isRefused = (error: unknown): boolean =>
  error instanceof ProviderFailure && error.code === 'provider_key_rejected';

/** A provider may have refused the key of one account alone: the credentials are asked for on their own. */
async function parkWhereRefused(
  { db, clock, log }: Watching,
  provider: Provider,
  call: CredentialsCall,
  id: string,
): Promise<void> {
  try {
    await provider.account.checkCredentials({ ...call, signal: AbortSignal.timeout(probeMs) });
  } catch (error) {
    if (!isRefused(error)) return;
    try {
      if (await db.system((em) => parkCredentials(em, id, clock.now())))
        log.error({ provider: provider.name, credentials: id }, 'the provider refuses the key: its accounts rest');
    } catch (failed) {
      log.warn({ credentials: id, err: failed }, 'a refused key could not be noted; the next call notes it');
    }
  }
}

/** A success with an account's own key proves nothing about the credentials, so a probe decides. */
async function hasten({ db, clock, log }: Watching, id: string): Promise<void> {
  try {
    await db.system((em) => hastenProbe(em, id, clock.now()));
  } catch (error) {
    log.warn({ credentials: id, err: error }, 'the probe of a refused key comes at its own time');
  }
}

async function release({ db, clock, log }: Watching, id: string): Promise<void> {
  if (await db.system((em) => releaseCredentials(em, id, clock.now())))
    log.info({ credentials: id }, 'the provider accepts the key again');
}

/** Asks the provider of each refused key that is due whether it accepts the key again: one call for all its accounts. */
export async function probeRefusedKeys(context: Context): Promise<void> {
  const { db, vault, clock, providers, log } = context;
  const due = await db.system((em) => leaseProbes(em, clock.now(), probesAtOnce));
  const probe = async (id: string): Promise<void> => {
    const row = await db.system((em) => em.findOneOrFail(ProviderCredentials, { id }));
    const settings = settingsOf(await vault.keysOf(db, row.tenantId), row);
    const reach = reachOfCredentials(context.config, row);
    const call = { settings, reach, now: clock.now().getTime(), signal: AbortSignal.timeout(probeMs) };
    await providers[row.provider]?.account.checkCredentials(call);
    await release(context, id);
  };
  await Promise.all(
    due.map((id) =>
      probe(id).catch((error: unknown) =>
        log.info({ credentials: id, err: error }, 'a refused key is not accepted yet'),
      ),
    ),
  );
}

/** Shows on an account that its provider refuses the key. */
export const showRefusedKey = (
  { db, clock }: Context,
  { id, tenant_id: tenantId }: { id: string; tenant_id: string },
): Promise<void> =>
  db.tenant(tenantId, async (em) => {
    const account = await lockAccount(em, id);
    if (account) moveAccount(em, account, { type: 'key_refused', at: clock.now() });
  });
