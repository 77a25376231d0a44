import { createHash } from 'node:crypto';
import type { Em } from '../../db/connect.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { settingsOf, webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { senderBySecret, type WebhookAddress, type WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { isOneOf } from '../../platform/constant-time.ts';
import { createJoinedCalls } from '../../platform/join-calls.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { createShares } from '../../platform/shares.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { isSigned, shownProof, wrongSecret } from './proof.ts';

/** The sender of a request; null where the request does not prove to come from it. Also of others than the one looked up. */
export type SenderOf = (request: WebhookRequest) => WebhookSender | null;

/**
 * Finds whose webhook address a request came to, before its body is read; `again`: not from memory. Throws `not_found` for
 * an unknown address, and `unauthorized` where the header shows a wrong secret.
 */
export type FindSender = (
  provider: Provider,
  token: string | null,
  headers: WebhookRequest['headers'],
  again?: 'again',
) => Promise<SenderOf>;

/** Look-ups of those that proved nothing yet: of so many that wait, and for so long, in milliseconds. */
const unproven = { waiting: 200, waitMs: 5_000 };
/** Senders remembered at once; beyond it all are forgotten. */
const provenAtMost = 10_000;

/**
 * A sender that was found is remembered: `storeRequests` sees whether its secret is still right. All others are looked up
 * one at a time, so that a flood of wrong ones takes one connection; throws `ShareFullError` where too many wait.
 */
export function createSenderFinder(context: Context): FindSender {
  const proven = new Map<string, SenderOf>();
  const joined = createJoinedCalls<SenderOf>();
  const oneByOne = createShares(1, unproven.waiting, unproven.waitMs);
  return async (provider, token, headers, again) => {
    const name = createHash('sha256')
      .update(JSON.stringify([provider.name, token, shownSecret(provider, headers)]))
      .digest('base64url');
    const known = proven.get(name);
    if (known && !again) return known;
    const find = async (): Promise<SenderOf> => {
      const senderOf = await findSender(context, provider, token, headers);
      if (proven.size >= provenAtMost) proven.clear();
      proven.set(name, senderOf);
      return senderOf;
    };
    try {
      return await (known ? joined(name, find) : oneByOne('unproven', find));
    } catch (error) {
      proven.delete(name);
      throw error;
    }
  };
}

/** The secret that a request shows before its body is there; a signature belongs to the body. */
const shownSecret = ({ webhooks }: Provider, headers: WebhookRequest['headers']): string | null =>
  webhooks.signature ? null : shownProof(webhooks, headers);

async function findSender(
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
    // Before the body is read.
    if (!sender) throw wrongSecret();
    return () => sender;
  }
  const { sender, secrets } = await signersAt(context, address, signature.settings);
  return (request) => (isSigned(webhooks, request, secrets) ? sender : null);
}

/** The credentials of an address, and the values of their settings `names`, which may sign. Throws `not_found`. */
export async function signersAt(
  context: Context,
  address: WebhookAddress,
  names: readonly string[],
): Promise<{ sender: WebhookSender; secrets: string[] }> {
  const { row, keys } = await credentialsAt(context, address);
  const { id: credentialsId, tenantId, settings } = row;
  const { provider } = address;
  const sender: WebhookSender = { credentialsId, tenantId, provider, providerAccountId: null, proof: { settings } };
  return { sender, secrets: settingsNamed(keys, row, names) };
}

/** What a provider's challenge to an address is answered with; null for a wrong secret. Throws `not_found`. */
export async function answerToChallenge(
  context: Context,
  { name: provider, webhooks }: Provider,
  token: string | null,
  query: Readonly<Record<string, unknown>>,
): Promise<string | null> {
  const { row, keys } = await credentialsAt(context, { provider, token });
  const { challenge: reader } = webhooks;
  const challenge = reader?.read(query);
  if (!reader || !challenge) return null;
  const secrets = [...webhookSecretsOf(keys, row), ...settingsNamed(keys, row, reader.settings)];
  return isOneOf(challenge.secret, secrets) ? challenge.answer : null;
}

/** The secrets that prove a webhook request to these credentials: the provider's own where it signs, else ours. */
export const webhookProofSecrets = (keys: Keyset, { webhooks }: Provider, row: ProviderCredentials): string[] =>
  webhooks.signature ? settingsNamed(keys, row, webhooks.signature.settings) : webhookSecretsOf(keys, row);

/** The values of those settings that are set. */
function settingsNamed(keys: Keyset, row: ProviderCredentials, names: readonly string[]): string[] {
  const settings = settingsOf(keys, row);
  return names.flatMap((name) => settings[name] || []);
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
