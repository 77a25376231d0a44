import type { Em } from '../../db/connect.ts';
import { erasedAmong } from '../../db/queries/erasures/ledger.ts';
import type { Vault } from '../../db/vault.ts';
import { subjectName, type Subject } from '../../domain/erasure.ts';
import { parseIdentity } from '../../domain/identities.ts';
import { conversationKeysOf, peopleOf, type Fact } from './facts.ts';

/** The facts that tell nothing of an erased person; all are of one tenant. */
export async function withoutErased(
  em: Em,
  vault: Vault,
  tenantId: string,
  facts: readonly Fact[],
): Promise<readonly Fact[]> {
  const subjects = facts.flatMap((fact) => keysIn(fact).map(subjectOfKey));
  const names = await erasedAmong(em, vault, tenantId, subjects);
  return names.size
    ? facts.filter((fact) => !keysIn(fact).some((key) => names.has(subjectName(subjectOfKey(key)))))
    : facts;
}

const keysIn = (fact: Fact): string[] => [...conversationKeysOf(fact), ...peopleOf(fact).flatMap(({ keys }) => keys)];

const subjectOfKey = (key: string): Subject => parseIdentity(key) ?? { kind: 'id', value: key };
