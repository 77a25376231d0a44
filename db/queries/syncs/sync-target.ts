import { canonicalText } from '../../../domain/text.ts';
import { newId } from '../../../platform/ids.ts';
import type { Keyset } from '../../../platform/keyset.ts';
import { sealed } from '../../sealed.ts';
import type { NewRun } from './open-runs.ts';

/** Conversations by our ids. */
export interface ConversationTarget {
  conversation_ids: readonly string[];
}

/**
 * The people of all conversations of two: `own` of the account's, `own_and_others` also of the tenant's accounts that have no
 * address book.
 */
export interface PartnersTarget {
  conversations: 'own' | 'own_and_others';
}

/** A part of an address book; of conversations, their people. */
export type ContactTarget = { phone: string } | { group: string } | ConversationTarget | PartnersTarget;

/** What a sync is about; null is all of the account. */
export type SyncTarget = ContactTarget;

// A keyed digest: ids are shown where numbers must not be.
function scopeOf(keys: Keyset, target: SyncTarget | null): string {
  if (!target) return '';
  const [kind, text] = textOf(target);
  return `${kind}/${keys.digest('sync-scope', text).slice(0, 32)}`;
}

function textOf(target: SyncTarget): [kind: string, text: string] {
  if ('phone' in target) return ['one', target.phone];
  if ('group' in target) return ['group', canonicalText(target.group)];
  if ('conversations' in target) return ['partners', 'all'];
  return ['some', target.conversation_ids.toSorted().join(' ')];
}

/** A sync run of one account, to be opened. */
export function newRun(keys: Keyset, accountId: string, target: SyncTarget | null): NewRun {
  const id = newId();
  const text = target ? keys.seal(JSON.stringify(target), sealed.syncTarget(id)) : null;
  return { id, accountId, scope: scopeOf(keys, target), target: text };
}

export const targetOf = (keys: Keyset, run: { id: string; target: string | null }): SyncTarget | null =>
  run.target === null ? null : (JSON.parse(keys.open(run.target, sealed.syncTarget(run.id))) as SyncTarget);
