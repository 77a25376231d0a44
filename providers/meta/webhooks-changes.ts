import type { JsonObject } from '../json-object.ts';
import { idIn, textIn } from '../shared/told-values.ts';
import { accountChange } from './webhooks-account.ts';
import { at, isChannelObject, type Item, type ToldEvent } from './webhooks-item.ts';
import { readMessaging } from './webhooks-messaging.ts';
import { isOfMessages, readMessages } from './webhooks-whatsapp.ts';

/** An item of `changes`: `{field, value}`. WhatsApp tells messages so; of Pages and Instagram it is comments, and more. */
export function readChange(item: Item, of: JsonObject): ToldEvent[] {
  const field = textIn(of['field']) ?? '';
  const value = at(of, 'value');
  if (item.object === 'whatsapp_business_account' && value) {
    if (isOfMessages(field)) return readMessages(field, value);
    return [accountChange(item, field, value)];
  }
  // Some apps of Instagram get messages in this shape, with the same fields.
  if (isChannelObject(item.object) && value && at(value, 'sender') && at(value, 'recipient'))
    return readMessaging(item, value);
  const name = /^[a-z_]{1,60}$/.test(field) ? field : 'unknown';
  const people = [idIn(at(value, 'from')?.['id']), idIn(at(value, 'sender')?.['id'])];
  return [{ type: `${objectName(item.object)}.${name}`, key: null, content: { kind: 'other' }, people }];
}

const objectName = (object: string): string => (/^[a-z_]{1,60}$/.test(object) ? object : 'unknown');
