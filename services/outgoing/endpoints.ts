import { randomBytes } from 'node:crypto';
import type { SigningSecret } from '../../domain/deliveries.ts';
import type { EventType } from '../../domain/events.ts';
import { mayReachHost, readAddress } from '../../domain/public-address.ts';
import type { Em } from '../../db/connect.ts';
import { WebhookEndpoint } from '../../db/entities/outgoing.ts';
import { feedEnd } from '../../db/queries/events/read-feed.ts';
import { sealed } from '../../db/sealed.ts';
import type { Config } from '../../platform/config.ts';
import { isId } from '../../platform/ids.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { anyAccount } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { deliveryNetworks } from './networks.ts';

/** What a caller sets of an endpoint. */
export interface EndpointInput {
  url: string;
  description: string | null;
  /** Null: all. */
  types: EventType[] | null;
  /** Ids of accounts; null: all. */
  accounts: string[] | null;
  /** Headers that go with each delivery. */
  headers: Record<string, string>;
  /** More than one: each request is a batch of up to so many. */
  eventsPerRequest: number;
  enabled: boolean;
}

/** A secret is shown when it is made, and never again. */
export interface WithSecret {
  endpoint: WebhookEndpoint;
  secret: string;
}

/** Ports of hosts of the internet; hosts inside may have any. */
const ports = new Set(['', '80', '443', '8080', '8443']);

/** Headers that Patchbay or HTTP itself sets. */
const ownHeaders = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const mostHeaders = 20;

/** Secrets that sign at the same time: the present one, and former ones of rotations shortly after each other. */
const mostSecrets = 3;

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** An endpoint of the tenant. 404 when there is none. */
export async function findEndpoint(em: Em, id: string): Promise<WebhookEndpoint> {
  const found = isId(id) ? await em.findOne(WebhookEndpoint, { id }) : null;
  if (!found) throw new Problem('not_found', 'There is no such endpoint.');
  return found;
}

/** Makes an endpoint, to which events go from now on. `id` is that of the operation: one that was repeated makes one. */
export async function createEndpoint(
  context: Context,
  tenantId: string,
  id: string,
  input: EndpointInput,
): Promise<WithSecret> {
  const { db, vault, clock, config } = context;
  const keys = await vault.keysOf(db, tenantId);
  const now = clock.now();
  const secret = newSecret();
  return db.tenant(tenantId, async (em) => {
    await checkInput(em, config, input);
    // An execution that died half-way has not shown its secret.
    await em.nativeDelete(WebhookEndpoint, { id });
    const { headers, ...plain } = input;
    const endpoint = em.create(WebhookEndpoint, {
      ...plain,
      id,
      tenantId,
      headers: sealedHeaders(keys, id, headers),
      secrets: sealedSecrets(keys, id, [{ secret, until: null }]),
      disabledReason: null,
      ...(await feedEnd(em)),
      failures: 0,
      pausedAt: null,
      probeAt: null,
      dueAt: null,
      leasedBy: null,
      leasedUntil: null,
      createdAt: now,
      updatedAt: now,
    });
    em.persist(endpoint);
    return { endpoint, secret };
  });
}

/** Changes an endpoint. One that is paused is tried at once, one that was disabled goes on where it stopped. */
export async function changeEndpoint(
  context: Context,
  tenantId: string,
  id: string,
  input: Partial<EndpointInput>,
): Promise<WebhookEndpoint> {
  const { db, vault, clock, config } = context;
  const keys = await vault.keysOf(db, tenantId);
  const now = clock.now();
  return db.tenant(tenantId, async (em) => {
    const endpoint = await findEndpoint(em, id);
    await checkInput(em, config, input);
    const { headers, ...plain } = input;
    Object.assign(endpoint, plain);
    if (headers) endpoint.headers = sealedHeaders(keys, id, headers);
    if (input.enabled !== undefined) endpoint.disabledReason = null;
    if (endpoint.pausedAt) endpoint.probeAt = now;
    Object.assign(endpoint, { dueAt: now, updatedAt: now });
    return endpoint;
  });
}

/** Deletes an endpoint with its deliveries. */
export const deleteEndpoint = ({ db }: Context, tenantId: string, id: string): Promise<void> =>
  db.tenant(tenantId, async (em) => {
    em.remove(await findEndpoint(em, id));
  });

/** Makes a new secret. The present one signs beside it for `overlapHours`. */
export async function rotateSecret(
  { db, vault, clock }: Context,
  tenantId: string,
  id: string,
  overlapHours: number,
): Promise<WithSecret> {
  const keys = await vault.keysOf(db, tenantId);
  const now = clock.now();
  const end = new Date(now.getTime() + overlapHours * 3_600_000).toISOString();
  const secret = newSecret();
  return db.tenant(tenantId, async (em) => {
    const endpoint = await findEndpoint(em, id);
    const former = secretsOf(keys, endpoint)
      .map((one) => ({ ...one, until: one.until !== null && one.until < end ? one.until : end }))
      .filter(({ until }) => until > now.toISOString());
    const secrets = [{ secret, until: null }, ...former].slice(0, mostSecrets);
    Object.assign(endpoint, { secrets: sealedSecrets(keys, id, secrets), updatedAt: now });
    return { endpoint, secret };
  });
}

/** The present secret first, then former ones with the end of their time. */
export const secretsOf = (keys: Keyset, { id, secrets }: Pick<WebhookEndpoint, 'id' | 'secrets'>): SigningSecret[] =>
  JSON.parse(keys.open(secrets, sealed.endpointSecrets(id))) as SigningSecret[];

export const headersOf = (
  keys: Keyset,
  { id, headers }: Pick<WebhookEndpoint, 'id' | 'headers'>,
): Record<string, string> =>
  headers === null ? {} : (JSON.parse(keys.open(headers, sealed.endpointHeaders(id))) as Record<string, string>);

const sealedSecrets = (keys: Keyset, id: string, secrets: readonly SigningSecret[]): string =>
  keys.seal(JSON.stringify(secrets), sealed.endpointSecrets(id));

const sealedHeaders = (keys: Keyset, id: string, headers: Readonly<Record<string, string>>): string | null =>
  Object.keys(headers).length ? keys.seal(JSON.stringify(headers), sealed.endpointHeaders(id)) : null;

async function checkInput(em: Em, config: Config, { url, accounts, headers }: Partial<EndpointInput>): Promise<void> {
  if (url !== undefined) checkUrl(config, url);
  if (headers) checkHeaders(headers);
  for (const account of accounts ?? []) await anyAccount(em, account);
}

function checkUrl(config: Config, text: string): void {
  const url = readAddress(text, 'url');
  const networks = deliveryNetworks(config);
  const isReachable = url !== null && mayReachHost(url.hostname, networks);
  // Every refusal looks the same: a caller must not learn what is in this network.
  if (!isReachable || !(ports.has(url.port) || !mayReachHost(url.hostname, [])))
    throw new Problem('invalid_request', 'url: must be an http or https address of a host of the internet.');
}

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const names = Object.keys(headers);
  if (names.length > mostHeaders) throw new Problem('invalid_request', `headers: must be at most ${mostHeaders}.`);
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[a-z0-9-]{1,100}$/.test(lower) || ownHeaders.has(lower) || lower.startsWith('webhook-'))
      throw new Problem('invalid_request', 'headers: one of the names cannot be set.');
    if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value))
      throw new Problem('invalid_request', 'headers: a value must be visible ASCII characters.');
  }
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length)
    throw new Problem('invalid_request', 'headers: a name stands there twice.');
}
