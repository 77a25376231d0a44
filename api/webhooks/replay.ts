import type { ProviderName } from '../../domain/channels.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { sealed } from '../../db/sealed.ts';
import type { Provider, WebhookEvent as ProviderEvent } from '../../providers/provider.ts';
import type { ApiContext } from '../context.ts';
import { applyEvent } from './effect.ts';

/** Reads a stored event once more and applies it, as after a fix; a word about an account has its provider asked. */
export async function replayEvent(context: ApiContext, id: string): Promise<void> {
  const { db, vault, clock, providers, motion, log } = context;
  const tell = await db.system(async (em) => {
    const row = await em.findOneOrFail(WebhookEvent, { id });
    const raw = Buffer.from(vault.open(row.body, sealed.webhookBody(id)));
    const event = eventsOf(providers[row.provider as ProviderName], raw).find((one) =>
      row.dedupeKey.startsWith(one.dedupeKey),
    );
    if (!event) return null;
    const now = clock.now();
    const effect = await applyEvent(em, row.credentialsId, event, now);
    row.state = effect.account ? 'processed' : 'unmatched';
    row.processedAt = now;
    row.owesSignal = effect.tell !== null;
    return effect.tell;
  });
  if (!tell) return;
  try {
    await motion.tellConnection(tell);
    await db.system((em) => em.nativeUpdate(WebhookEvent, { id }, { owesSignal: false }));
  } catch (error) {
    log.warn({ account: tell.accountId, err: error }, 'a signal after a replay is owed');
  }
}

/** None where the body cannot be read: the event stays as it is. */
function eventsOf(provider: Provider | undefined, raw: Buffer): ProviderEvent[] {
  try {
    return provider?.webhooks.read({ raw, headers: {} }) ?? [];
  } catch {
    return [];
  }
}
