import type { AccountStatusKind } from '../../domain/webhook-events.ts';
import type { JsonObject } from '../json-object.ts';
import { idIn, textIn } from '../shared/told-values.ts';
import { at, type Item, type ToldEvent } from './webhooks-item.ts';

/** What each event of `account_update` means for the numbers of the business account. */
const updates: Readonly<Record<string, AccountStatusKind>> = {
  PARTNER_REMOVED: 'login_lost',
  PARTNER_APP_UNINSTALLED: 'login_lost',
  ACCOUNT_OFFBOARDED: 'login_lost',
  ACCOUNT_DELETED: 'deleted',
  ACCOUNT_RESTRICTION: 'degraded',
  ACCOUNT_VIOLATION: 'degraded',
  ACCOUNT_RECONNECTED: 'linked',
  PARTNER_ADDED: 'linked',
  PARTNER_APP_INSTALLED: 'linked',
};

const banStates: Readonly<Record<string, AccountStatusKind>> = {
  DISABLE: 'degraded',
  SCHEDULE_FOR_DISABLE: 'unknown',
  REINSTATE: 'linked',
};

/** Fields that tell of the state of one number or of all of a business account. */
const statusFields = new Set([
  'account_update',
  'phone_number_quality_update',
  'phone_number_name_update',
  'account_alerts',
]);

/**
 * A change of a WhatsApp business account: it is told of the account as a whole, and so of each of its numbers. Templates and
 * other settings are kept and have no effect.
 */
export function accountChange({ account }: Item, field: string, value: JsonObject): ToldEvent {
  const named = idIn(at(value, 'waba_info')?.['waba_id']) ?? account;
  const name = /^[a-z_]{1,60}$/.test(field) ? field : 'unknown';
  const word = textIn(value['event']) ?? '';
  const type = `whatsapp.${name}${/^[A-Z_]{1,60}$/.test(word) ? `.${word.toLowerCase()}` : ''}`;
  const common = { type, key: null, group: `waba:${named}` };
  if (!statusFields.has(field)) return { ...common, content: { kind: 'other' } };
  return { ...common, content: { kind: 'account_status', status: statusOf(value, word) } };
}

function statusOf(value: JsonObject, word: string): AccountStatusKind {
  if (word === 'DISABLED_UPDATE') {
    const state = textIn(at(value, 'ban_info')?.['waba_ban_state']) ?? '';
    return (Object.hasOwn(banStates, state) ? banStates[state] : undefined) ?? 'unknown';
  }
  return (Object.hasOwn(updates, word) ? updates[word] : undefined) ?? 'unknown';
}
