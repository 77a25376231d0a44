import type { Em } from '../../db/connect.ts';
import { erasedAmong } from '../../db/queries/erasures/ledger.ts';
import type { KnownAccount } from '../../db/queries/webhooks/known-accounts.ts';
import { subjectName, type Subject } from '../../domain/erasure.ts';
import { parseIdentity } from '../../domain/identities.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import type { Context } from '../context.ts';
import { applyFacts } from '../messages/apply-facts.ts';
import { conversationKeysOf, factsOf, peopleOf, type Fact } from '../messages/facts.ts';

/** An event with the account that it is of. */
export interface AccountEvent {
  event: WebhookEvent;
  account: Pick<KnownAccount, 'id' | 'tenantId' | 'hasErased'>;
}

/** Writes what events tell of conversations and messages, in the caller's transaction. Nothing of erased people is written. */
export async function applyMessageEvents(
  { vault, clock }: Pick<Context, 'vault' | 'clock'>,
  em: Em,
  events: readonly AccountEvent[],
  receivedAt: Date,
): Promise<void> {
  const facts: Fact[] = [];
  const erased = new Map<string, ReadonlySet<string>>();
  for (const { event, account } of events) {
    const origin = { accountId: account.id, tenantId: account.tenantId, teller: 'webhook', isLive: true } as const;
    facts.push(...factsOf(event, { ...origin, receivedAt: receivedAt.getTime() }));
    if (account.hasErased) erased.set(account.tenantId, new Set());
  }
  for (const tenantId of erased.keys()) {
    const subjects = facts.filter((one) => one.tenantId === tenantId).flatMap((one) => keysIn(one).map(subjectOfKey));
    erased.set(tenantId, await erasedAmong(em, vault, tenantId, subjects));
  }
  const kept = facts.filter((fact) => {
    const names = erased.get(fact.tenantId);
    return !names?.size || !keysIn(fact).some((key) => names.has(subjectName(subjectOfKey(key))));
  });
  await applyFacts(em, vault, kept, clock.now());
}

const keysIn = (fact: Fact): string[] => [...conversationKeysOf(fact), ...peopleOf(fact).flatMap(({ keys }) => keys)];

const subjectOfKey = (key: string): Subject => parseIdentity(key) ?? { kind: 'id', value: key };
