import type { DeliveryFailure, MessagePricing } from '../../domain/message-extras.ts';
import type { DeliveryStatus } from '../../domain/seen-messages.ts';
import { epochMs } from '../../domain/webhook-events.ts';
import { asList, asObject, type JsonObject } from '../json-object.ts';
import { countIn, eachOnce, flagIn, idIn, nameIn, textIn } from '../shared/told-values.ts';
import { ruleOf } from './error-rules.ts';
import { whatsappPerson } from './seen-people.ts';
import { at, referenceIn, type ToldEvent } from './webhooks-item.ts';

const words: Readonly<Record<string, DeliveryStatus>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  played: 'played',
  failed: 'failed',
};

/** An item of `statuses`: how far a message of ours has come, with its error and its price. */
export function readStatus(of: JsonObject): ToldEvent {
  const id = idIn(of['id']) ?? '';
  const said = textIn(of['status']) ?? '';
  const status = (Object.hasOwn(words, said) ? words[said] : undefined) ?? null;
  const isGroup = textIn(of['recipient_type']) === 'group';
  const ids = isGroup
    ? [idIn(of['recipient_participant_id']), idIn(of['recipient_participant_user_id'])]
    : [idIn(of['recipient_user_id']), idIn(of['recipient_id'])];
  const person = whatsappPerson(ids, false);
  const [failure, pricing] = [status === 'failed' ? failureIn(of['errors']) : null, pricingOf(at(of, 'pricing'))];
  const people = person?.keys ?? [];
  const conversationKeys = isGroup ? eachOnce([idIn(of['recipient_id'])]) : people;
  return {
    type: `whatsapp.status.${status ?? 'unknown'}`,
    key: `${id}:${/^[a-z_]{1,40}$/.test(said) ? said : 'unknown'}${isGroup ? `:${people[0] ?? ''}` : ''}`,
    people,
    content: {
      kind: 'receipt',
      messageKeys: eachOnce([id, referenceIn(of['biz_opaque_callback_data'])]),
      conversationKeys,
      at: epochMs(of['timestamp']),
      status,
      by: isGroup ? person : null,
      ...(failure && { failure }),
      ...(pricing && { pricing }),
    },
  };
}

/** The first error: its number decides, its text is not kept. */
function failureIn(errors: unknown): DeliveryFailure {
  const error = asObject(asList(errors)[0]);
  const code = countIn(error?.['code']);
  const rule = code === null ? null : ruleOf(code, countIn(error?.['error_subcode']));
  const number = code === null ? '' : ` error ${code}`;
  const says = rule?.says ? `: ${rule.says}` : '';
  return { reason: rule?.code ?? 'request_refused', detail: `Meta told${number || ' of a failure'}${says}.` };
}

function pricingOf(of: JsonObject | null): MessagePricing | null {
  if (!of) return null;
  return {
    billable: flagIn(of['billable']),
    model: nameIn(of['pricing_model']),
    type: nameIn(of['type']),
    category: nameIn(of['category']),
  };
}
