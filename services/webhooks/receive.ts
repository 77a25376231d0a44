import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import type { WebhookSender } from '../../db/queries/webhooks/secrets.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { storeEvents, type EffectMode, type IncomingRequest, type StoredEvent } from './store-events.ts';

/** Headers that tell how a provider sent a body; of the others one holds the secret. */
const keptHeaders = ['content-type', 'user-agent'] as const;
/** The longest header that is kept, in characters. */
const longestHeader = 200;

/**
 * Of longer bodies, in bytes, the effects on messages are owed, for a worker: writing 2,000 messages at once would keep this
 * process's event loop from others.
 */
const longestApplied = 256_000;

/**
 * Stores a webhook request with its events and their effects in one transaction: after it nothing of them can be lost.
 * Events whose effect fails are kept as failed, to be replayed; those whose effect waits for another transaction owe it. Throws when PostgreSQL takes nothing now, or not these:
 * the provider sends them again.
 */
export async function receiveRequest(
  context: Context,
  provider: Provider,
  sender: WebhookSender,
  request: WebhookRequest,
): Promise<StoredEvent[]> {
  const id = newId();
  const read = await context.reader.read(provider, request, sender.providerAccountId, sender.credentialsId);
  const incoming: IncomingRequest = {
    id,
    sender,
    headers: headersOf(request),
    receivedAt: context.clock.now(),
    read,
    isNew: true,
  };
  const login = sender.providerAccountId ?? read.events?.[0]?.providerAccountId ?? '';
  // The tenant is not known yet: each login has a share of its own, so that one that floods keeps no other waiting.
  const share = `${sender.credentialsId}/${login}`;
  const store = (effects: EffectMode): Promise<StoredEvent[]> =>
    context.db.intake(share, (em) => storeEvents(context, em, incoming, effects));
  const mode = request.raw.length > longestApplied ? 'owe' : 'apply';
  try {
    return await store(mode).catch((error: unknown) => {
      if (isDatabaseDown(error)) throw error;
      // Of two transactions that wait for each other PostgreSQL gives up one, and a connection may be cut: once more.
      return store(mode);
    });
  } catch (error) {
    if (isDatabaseDown(error)) throw error;
    // Another transaction holds what the effects need.
    if (isDatabaseBusy(error)) return store('owe');
    context.log.error({ err: error, provider: provider.name }, 'webhook events could not be applied');
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
