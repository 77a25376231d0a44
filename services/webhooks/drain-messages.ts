import { isDatabaseBusy } from '../../db/database-down.ts';
import type { Em } from '../../db/connect.ts';
import { AccountReleasedError } from '../../db/queries/messages/account-fence.ts';
import { nextOwedRequest, settleOwedRequest, type OwedRequest } from '../../db/queries/webhooks/owed-messages.ts';
import { sealed } from '../../db/sealed.ts';
import type { ProviderName } from '../../domain/channels.ts';
import type { Context } from '../context.ts';
import { applyMessageEvents } from './message-events.ts';
import { notApplied } from './store-requests.ts';

/** Requests that one call applies. */
const most = 1_000;
const anyLength = 2 ** 31 - 1;

/**
 * Applies what events owe to messages: they came before their account was known, or while another transaction held what they
 * change, or in a long body. Those that fail are kept as failed, to be replayed. `longest`: of a sealed body, in characters.
 * Answers how many requests were applied.
 */
export async function drainMessages(context: Context, longest: number = anyLength): Promise<number> {
  const { db, clock, log } = context;
  const busy: string[] = [];
  let applied = 0;
  for (let n = 0; n < most; n += 1) {
    let request: OwedRequest | null = null;
    try {
      await db.system(async (em) => {
        request = await nextOwedRequest(em, longest, busy);
        if (request) await applyOwed(context, em, request);
      });
      if (!request) return applied;
      applied += 1;
    } catch (error) {
      // Assigned inside of the transaction, which the compiler does not see.
      const failed = request as OwedRequest | null;
      if (!failed) throw error;
      if (error instanceof AccountReleasedError) {
        await db.system((em) => settleOwedRequest(em, failed, clock.now(), null));
        continue;
      }
      busy.push(failed.id);
      if (isDatabaseBusy(error)) continue;
      log.error({ err: error, request: failed.id }, 'webhook events could not be applied');
      await db.system((em) => settleOwedRequest(em, failed, clock.now(), notApplied));
    }
  }
  return applied;
}

async function applyOwed(context: Context, em: Em, request: OwedRequest): Promise<void> {
  const { providers, vault, clock, reader } = context;
  const provider = providers[request.provider as ProviderName];
  if (provider && request.body !== null) {
    const keys = await vault.keysOf(em, request.tenantId);
    const raw = Buffer.from(keys.open(request.body, sealed.webhookBody(request.id)));
    const [first] = request.events;
    const sender = first?.providerAccountId ?? null;
    const { events } = await reader.read(provider, { raw, headers: {} }, sender, request.id);
    const receivedAt = new Date(request.receivedAt);
    const owed = request.events.flatMap(({ position, accountId: id, tenantId, hasErased, messageDays }) => {
      const event = events?.[position];
      const account = { id, tenantId, provider: request.provider, hasErased, messageDays };
      return event ? [{ event, account, receivedAt }] : [];
    });
    await applyMessageEvents(context, em, owed);
  }
  await settleOwedRequest(em, request, clock.now(), null);
}
