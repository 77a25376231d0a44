import { createHash } from 'node:crypto';
import type { EventContent } from '../../domain/webhook-events.ts';
import type { SeenPerson } from '../../domain/seen-messages.ts';
import { personWithKeys } from '../../domain/seen-messages.ts';
import { isOwnMessageKey } from '../../domain/own-keys.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import { textIn } from '../shared/told-values.ts';

/** One item of an entry, as it was sent. */
export interface Item {
  /** What the webhook is about: `page`, `instagram`, `whatsapp_business_account`. */
  object: string;
  list: 'messaging' | 'standby' | 'changes' | 'entry';
  /** The entry's id: a Page, an Instagram account, a WhatsApp business account; null where it has none. */
  account: string | null;
  time: unknown;
  of: unknown;
}

/** What an item tells. */
export interface ToldEvent {
  type: string;
  /** Unique within its account; null: equal items are one event. */
  key: string | null;
  content: EventContent;
  /** The upstream login, where it is not the entry's; null where it is not known. */
  login?: string | null;
  /** In place of the login: accounts that have this in common. */
  group?: string;
  /** Ids of the people that it speaks of. */
  people?: readonly (string | null)[];
}

/** Whether an object has messages of one account in each entry. */
export const isChannelObject = (object: string): object is 'page' | 'instagram' =>
  object === 'page' || object === 'instagram';

/** Our key of a message, where its reference came back; other apps of the same account have references of their own. */
export function referenceIn(value: unknown): string | null {
  const text = textIn(value);
  return text !== null && isOwnMessageKey(text) ? text : null;
}

/** Equal for equal values; shows nothing of them. */
export const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex');

export const at = (of: JsonObject | null | undefined, name: string): JsonObject | null => asObject(of?.[name]);

/** A person of whom an item tells ids alone. */
export const personOf = (keys: readonly string[], isSelf: boolean, name: string | null = null): SeenPerson => ({
  ...personWithKeys(keys),
  isSelf,
  name,
});
