import type { Em } from '../../db/connect.ts';
import type { Parts } from '../../db/sql.ts';
import type { KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import type { Context } from '../context.ts';
import { applyFacts } from '../messages/apply-facts.ts';
import { factsOf, type Fact } from '../messages/facts.ts';
import { withoutErased } from '../messages/without-erased.ts';
import { keptSince, withoutExpired } from '../messages/without-expired.ts';

/** An event with the account that it is of. */
export interface AccountEvent {
  event: WebhookEvent;
  account: Pick<KnownAccount, 'id' | 'tenantId' | 'provider' | 'hasErased' | 'messageDays'>;
  receivedAt: Date;
}

/**
 * Writes what events tell of conversations and messages, in the caller's transaction, and `besides` with them. Nothing of
 * erased people is written, and no message that is older than its tenant keeps them.
 */
export async function applyMessageEvents(
  { vault, clock, providers }: Pick<Context, 'vault' | 'clock' | 'providers'>,
  em: Em,
  events: readonly AccountEvent[],
  besides?: Parts,
): Promise<void> {
  let facts: Fact[] = [];
  const erasing = new Set<string>();
  for (const { event, account, receivedAt } of events) {
    const { webhooks, conversations } = providers[account.provider] ?? {};
    const teller = webhooks?.signature ? 'signed' : 'webhook';
    const lacksNames = conversations?.profile !== undefined;
    const origin = { accountId: account.id, tenantId: account.tenantId, teller, isLive: true, lacksNames } as const;
    const told = factsOf(event, { ...origin, receivedAt: receivedAt.getTime() });
    facts.push(...withoutExpired(told, keptSince(account.messageDays, clock.now())));
    if (account.hasErased) erasing.add(account.tenantId);
  }
  for (const tenantId of erasing) {
    const own = facts.filter((one) => one.tenantId === tenantId);
    const others = facts.filter((one) => one.tenantId !== tenantId);
    facts = [...others, ...(await withoutErased(em, vault, tenantId, own))];
  }
  await applyFacts(em, vault, facts, clock.now(), besides);
}
