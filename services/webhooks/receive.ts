import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import type { WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { isUnauthorized } from './proof.ts';
import { createBatches, type Batched, type BatchLimits } from './batches.ts';
import {
  eventNames,
  storeRequests,
  type EffectMode,
  type IncomingRequest,
  type StoredEvent,
} from './store-requests.ts';

/** Headers that tell how a provider sent a body; of the others one holds the secret. */
const keptHeaders = ['content-type', 'user-agent'] as const;
/** The longest header that is kept, in characters. */
const longestHeader = 200;

/**
 * Of longer bodies, in bytes, the effects on messages are owed, for a worker: writing 2,000 messages at once would keep this
 * process's event loop from others.
 */
const longestApplied = 256_000;

/** Longer requests, in bytes, are stored alone. */
const longestShared = 64_000;
/**
 * How requests share transactions. While one batch is at PostgreSQL this process makes the next one; more lanes make batches
 * smaller, and each costs as many statements. What waits is in memory, and its senders give up after seconds.
 */
const limits: BatchLimits = {
  lanes: 2,
  most: { count: 64, bytes: 128_000 },
  waiting: { bytes: 32_000_000, bytesOfOwner: 8_000_000, countOfShare: 200, ms: 5_000 },
};
/** How long a shared transaction waits for another one's lock, in milliseconds: its requests are then stored alone. */
const sharedLockMs = 200;
/** Logins whose tenants are remembered at once; beyond it all are forgotten. */
const tenantsAtMost = 10_000;

/**
 * Stores a webhook request with its events and their effects in one transaction, which requests that come at the same time
 * share: after it nothing of them can be lost. Events whose effect fails are kept as failed, to be replayed; those whose
 * effect waits for another transaction owe it. Throws `unauthorized` where the sender's secret was taken back, and when PostgreSQL takes nothing now, or not these, or too many wait: the
 * provider sends them again.
 */
export type ReceiveRequest = (
  provider: Provider,
  sender: WebhookSender,
  request: WebhookRequest,
) => Promise<StoredEvent[]>;

interface Incoming extends IncomingRequest, Batched {
  provider: string;
}

export function createIntake(context: Context): ReceiveRequest {
  const tenants = new Map<string, string>();
  const inBatch = createBatches<Incoming, StoredEvent[]>(limits, {
    together: (batch) =>
      context.db.intake('shared', (em) => storeRequests(context, em, batch, 'apply'), {
        lock_timeout: String(sharedLockMs),
      }),
    alone: (one) => storeAlone(context, one, 'apply'),
    isHopeless: isDatabaseDown,
  });
  return async (provider, sender, request) => {
    const read = await context.reader.read(provider, request, sender.providerAccountId, sender.credentialsId);
    const login = sender.providerAccountId ?? read.events?.[0]?.providerAccountId ?? '';
    // The tenant is not known yet: each login has a share of its own, so that one that floods keeps no other waiting.
    const share = `${sender.credentialsId}/${login}`;
    const incoming: Incoming = {
      id: newId(),
      provider: provider.name,
      sender,
      headers: headersOf(request),
      receivedAt: context.clock.now(),
      read,
      isNew: true,
      share,
      owner: sender.tenantId ?? tenants.get(share) ?? share,
      bytes: request.raw.length,
      names: eventNames({ sender, read }),
    };
    if (request.raw.length > longestShared)
      return storeAlone(context, incoming, request.raw.length > longestApplied ? 'owe' : 'apply');
    const stored = await inBatch(incoming);
    const tenant = stored[0]?.tenantId;
    if (tenant && tenants.size >= tenantsAtMost) tenants.clear();
    if (tenant) tenants.set(share, tenant);
    return stored;
  };
}

async function storeAlone(context: Context, incoming: Incoming, mode: EffectMode): Promise<StoredEvent[]> {
  const store = async (effects: EffectMode): Promise<StoredEvent[]> => {
    const [stored = []] = await context.db.intake(incoming.share, (em) =>
      storeRequests(context, em, [incoming], effects),
    );
    return stored;
  };
  try {
    return await store(mode).catch((error: unknown) => {
      if (isDatabaseDown(error) || isUnauthorized(error)) throw error;
      // Of two transactions that wait for each other PostgreSQL gives up one, and a connection may be cut: once more.
      return store(mode);
    });
  } catch (error) {
    if (isDatabaseDown(error) || isUnauthorized(error)) throw error;
    // Another transaction holds what the effects need.
    if (isDatabaseBusy(error)) return store('owe');
    context.log.error({ err: error, provider: incoming.provider }, 'webhook events could not be applied');
    return store('skip');
  }
}

const headersOf = ({ headers }: WebhookRequest): Record<string, string> =>
  Object.fromEntries(
    keptHeaders.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value.slice(0, longestHeader)]] : [];
    }),
  );
