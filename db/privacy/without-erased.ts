import { aliasesOf, type SeenContact } from '../../domain/contacts.ts';
import { subjectName } from '../../domain/privacy.ts';
import type { Vault } from '../../platform/vault.ts';
import type { Em } from '../connect.ts';
import { erasedAmong } from './ledger.ts';

/** The entries of a page but for those of people who were erased, and how many of these there were. */
export async function withoutErased(
  em: Em,
  vault: Vault,
  tenantId: string,
  entries: readonly SeenContact[],
): Promise<{ entries: readonly SeenContact[]; erased: number }> {
  const erased = await erasedAmong(em, vault, tenantId, entries.flatMap(aliasesOf));
  if (!erased.size) return { entries, erased: 0 };
  const left = entries.filter((entry) => !aliasesOf(entry).some((alias) => erased.has(subjectName(alias))));
  return { entries: left, erased: entries.length - left.length };
}
