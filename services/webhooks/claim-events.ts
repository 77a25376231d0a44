import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { enterIntake } from '../../db/queries/webhooks/intake-fence.ts';
import { bodiesOf } from '../../db/queries/webhooks/requests.ts';
import { renoteSubjects, type RenotedRequest } from '../../db/queries/webhooks/subjects.ts';
import { claimUnmatched, type ClaimedRequest } from '../../db/queries/webhooks/unmatched.ts';
import { sealed } from '../../db/sealed.ts';
import { peopleIn } from '../../domain/webhook-events.ts';
import type { ProviderName } from '../../domain/channels.ts';
import type { Context } from '../context.ts';
import { readRequest } from './read-request.ts';

/**
 * Events that came before their account was known become the account's, in the transaction that learns the id: the people
 * they speak of are now the tenant's to erase, or were erased already.
 */
export async function claimEvents(
  { vault, providers }: Pick<Context, 'vault' | 'providers'>,
  em: Em,
  account: Account,
  at: Date,
): Promise<void> {
  const { tenantId, providerAccountId } = account;
  const provider = providers[account.provider as ProviderName];
  await enterIntake(em, tenantId);
  const keys = await vault.keysOf(em, tenantId);
  const claimed = await claimUnmatched(em, account, at);
  if (!provider) return;
  for (const batch of batchesOf(claimed.filter(({ bytes }) => bytes > 0))) {
    const renoted: RenotedRequest[] = [];
    for (const { body, ...request } of await bodiesOf(em, batch)) {
      await yieldToEventLoop();
      const raw = Buffer.from(keys.open(body, sealed.webhookBody(request.id)));
      renoted.push({ request, people: peopleIn(readRequest(provider, { raw, headers: {} }, providerAccountId)) });
    }
    await renoteSubjects(em, vault, tenantId, renoted);
  }
}

/** Requests, and bytes of their bodies, that are in memory at once. */
const mostRequests = 250;
const mostBytes = 8_000_000;

function batchesOf(requests: readonly ClaimedRequest[]): ClaimedRequest[][] {
  const batches: ClaimedRequest[][] = [];
  let bytes = mostBytes;
  for (const request of requests) {
    const last = batches.at(-1);
    bytes += request.bytes;
    if (last && last.length < mostRequests && bytes <= mostBytes) last.push(request);
    else {
      batches.push([request]);
      bytes = request.bytes;
    }
  }
  return batches;
}
