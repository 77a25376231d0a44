import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { enterIntake } from '../../db/queries/webhooks/intake-fence.ts';
import { renoteSubjects } from '../../db/queries/webhooks/subjects.ts';
import { claimUnmatched } from '../../db/queries/webhooks/unmatched.ts';
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
  for (const request of await claimUnmatched(em, account, at)) {
    if (request.body === null || !provider) continue;
    const raw = Buffer.from(keys.open(request.body, sealed.webhookBody(request.id)));
    const people = peopleIn(readRequest(provider, { raw, headers: {} }, providerAccountId));
    await renoteSubjects(em, vault, request, tenantId, people);
  }
}
