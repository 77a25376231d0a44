import type { Em } from '../../db/connect.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { settingsOf, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { senderBySecret, type WebhookAddress, type WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { isOneOf } from '../../platform/constant-time.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { isSigned, shownProof } from './proof.ts';

/** The sender of a request with this body; null where the request does not prove to come from it. */
export type SenderOf = (raw: Buffer) => WebhookSender | null;

/**
 * Finds whose webhook address a request came to, before its body is read. Throws `not_found` for an address that does not
 * exist.
 */
export async function findSender(
  context: Context,
  { name: provider, webhooks }: Provider,
  token: string | null,
  headers: WebhookRequest['headers'],
): Promise<SenderOf> {
  const address = { provider, token };
  const { signature } = webhooks;
  if (!signature) {
    const secret = shownProof(webhooks, headers);
    const sender = await context.db.authentication((em) => senderBySecret(em, context.vault, address, secret));
    if (sender === 'unknown_address') throw unknownAddress();
    return () => sender;
  }
  const { row, keys } = await credentialsAt(context, address);
  const secrets = signingSecrets(keys, row, signature.settings);
  const sender: WebhookSender = { credentialsId: row.id, tenantId: row.tenantId, provider, providerAccountId: null };
  return (raw) => (isSigned(webhooks, { raw, headers }, secrets) ? sender : null);
}

/** What a provider's challenge to an address is answered with; null for a wrong secret. Throws `not_found`. */
export async function answerToChallenge(
  context: Context,
  { name: provider, webhooks }: Provider,
  token: string | null,
  query: Readonly<Record<string, unknown>>,
): Promise<string | null> {
  const { row, keys } = await credentialsAt(context, { provider, token });
  const challenge = webhooks.challenge?.(query);
  return challenge && isOneOf(challenge.secret, webhookSecretsOf(keys, row)) ? challenge.answer : null;
}

/** The secrets that prove a webhook request to these credentials: the provider's own where it signs, else ours. */
export const webhookProofSecrets = (keys: Keyset, { webhooks }: Provider, row: ProviderCredentials): string[] =>
  webhooks.signature ? signingSecrets(keys, row, webhooks.signature.settings) : webhookSecretsOf(keys, row);

function signingSecrets(keys: Keyset, row: ProviderCredentials, names: readonly string[]): string[] {
  const settings = settingsOf(keys, row);
  return names.flatMap((name) => settings[name] ?? []);
}

const credentialsAt = ({ db, vault }: Context, { provider, token }: WebhookAddress) =>
  db.authentication(async (em: Em) => {
    const row = await em.findOne(
      ProviderCredentials,
      token === null ? { provider, tenantId: null } : { provider, webhookToken: token },
    );
    if (!row) throw unknownAddress();
    return { row, keys: await vault.keysOf(em, row.tenantId) };
  });

/** No webhook address has this provider or token. */
export const unknownAddress = (): Problem => new Problem('not_found', 'There is no such webhook address.');
