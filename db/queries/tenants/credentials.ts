import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { callsPerMinuteOf } from '../../../domain/provider-settings.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import type { Vault } from '../../vault.ts';
import { newId } from '../../../platform/ids.ts';
import type { Database, Em } from '../../connect.ts';
import { ProviderCredentials } from '../../entities/tenants.ts';
import { sealed } from '../../sealed.ts';
import { saveSecretHashes } from '../webhooks/secret-hashes.ts';

/** The tenant's own, else the installation's; null when there are none. */
export async function credentialsFor(em: Em, tenantId: string, provider: string): Promise<ProviderCredentials | null> {
  const found = await em.find(ProviderCredentials, { provider, $or: [{ tenantId }, { tenantId: null }] });
  return found.find((one) => one.tenantId !== null) ?? found[0] ?? null;
}

/** By id of credentials, the most calls in a minute; null: no limit. */
export type CallsPerMinute = ReadonlyMap<string, number | null>;

/** The limits of calls that hold for these accounts, which share them with all accounts of the same credentials. */
export async function callsPerMinuteOfAccounts(
  em: Em,
  accounts: readonly { credentialsId: string | null }[],
): Promise<CallsPerMinute> {
  const ids = [...new Set(accounts.flatMap(({ credentialsId }) => credentialsId ?? []))];
  const found = ids.length
    ? await em.find(ProviderCredentials, { id: { $in: ids } }, { fields: ['callsPerMinute'] })
    : [];
  return new Map(found.map(({ id, callsPerMinute }) => [id, callsPerMinute]));
}

export const settingsOf = (keys: Keyset, row: ProviderCredentials): Record<string, string> =>
  JSON.parse(keys.open(row.settings, sealed.credentials(row.id))) as Record<string, string>;

/** The newest first; two during a rotation. */
export const webhookSecretsOf = (keys: Keyset, row: ProviderCredentials): string[] =>
  JSON.parse(keys.open(row.webhookSecrets, sealed.webhookSecrets(row.id))) as string[];

/**
 * The former secret stays valid until the provider uses the new one. Clears the registration, so that it is renewed.
 */
export async function rotateWebhookSecret(em: Em, vault: Vault, row: ProviderCredentials, now: Date): Promise<void> {
  const keys = await vault.keysOf(em, row.tenantId);
  const [present] = webhookSecretsOf(keys, row);
  const secrets = [newSecret(), ...(present ? [present] : [])];
  row.webhookSecrets = keys.seal(JSON.stringify(secrets), sealed.webhookSecrets(row.id));
  row.registeredAddress = null;
  row.updatedAt = now;
  await saveSecretHashes(em, vault, row, secrets);
}

const newSecret = (): string => randomBytes(32).toString('base64url');

/** The tenant's settings (null: the installation's). Webhook address and secret are made once and stay. */
export async function saveCredentials(
  em: Em,
  vault: Vault,
  now: Date,
  tenantId: string | null,
  provider: string,
  settings: Record<string, string>,
): Promise<ProviderCredentials> {
  const keys = await vault.keysOf(em, tenantId);
  const existing = await em.findOne(ProviderCredentials, { tenantId, provider });
  const id = existing?.id ?? newId();
  const text = keys.seal(JSON.stringify(settings), sealed.credentials(id));
  if (existing) {
    // Sealed texts always differ: compare their contents, so that a restart does not rewrite the row.
    const former = settingsOf(keys, existing);
    if (!isDeepStrictEqual(former, settings)) {
      existing.settings = text;
      existing.callsPerMinute = callsPerMinuteOf(settings);
      existing.updatedAt = now;
      if (!isDeepStrictEqual(connectingOf(former), connectingOf(settings))) existing.registeredAddress = null;
    }
    // Setting them again says that the key may be accepted now.
    if (existing.refusedAt) existing.probeAt = now;
    return existing;
  }
  const secret = newSecret();
  const row = em.create(ProviderCredentials, {
    id,
    tenantId,
    provider,
    settings: text,
    webhookSecrets: keys.seal(JSON.stringify([secret]), sealed.webhookSecrets(id)),
    webhookToken: randomBytes(24).toString('base64url'),
    registeredAddress: null,
    registrations: [],
    refusedAt: null,
    probeAt: null,
    probes: 0,
    callsPerMinute: callsPerMinuteOf(settings),
    createdAt: now,
    updatedAt: now,
  });
  await em.persist(row).flush();
  await saveSecretHashes(em, vault, row, [secret]);
  return row;
}

/** The settings without the limit: what the provider is reached by. */
const connectingOf = ({ calls_per_minute: _limit, ...settings }: Record<string, string>): Record<string, string> =>
  settings;

/** API and workers call it at their start, maybe at once: the second one finds the first one's row. */
export async function saveInstallationCredentials(
  db: Database,
  vault: Vault,
  now: Date,
  defaults: Partial<Record<string, Record<string, string>>>,
): Promise<void> {
  const save = (): Promise<void> =>
    db.system(async (em) => {
      for (const [provider, settings] of Object.entries(defaults))
        await saveCredentials(em, vault, now, null, provider, settings ?? {});
    });
  await save().catch((error: unknown) => {
    if (error instanceof UniqueConstraintViolationException) return save();
    throw error;
  });
}
