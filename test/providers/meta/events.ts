import type { WebhookEvent } from '../../../domain/webhook-events.ts';
import { meta } from '../../../providers/meta/index.ts';

/** A body is the subject of tests, so events are not typed. */
export const eventsOf = (body: unknown): readonly any[] =>
  meta.webhooks.read({ raw: Buffer.from(JSON.stringify(body)), headers: {} }).events ?? [];

export const kindsOf = (events: readonly WebhookEvent[]): string[] => events.map(({ kind }) => kind);

export const pageId = '101000000000001';
export const instagramId = '17841400000000101';
export const numberId = '201000000000001';
export const businessId = '301000000000001';
export const person = '5550000000000001';
export const sentAt = 1_793_613_600_123;
/** As our own sends name themselves. */
export const reference = 'patchbay:01900000-0000-7000-8000-000000000000';

const envelope =
  (object: string, id: string) =>
  (...messaging: unknown[]): object => ({ object, entry: [{ id, time: sentAt, messaging }] });
export const ofPage = envelope('page', pageId);
export const ofInstagram = envelope('instagram', instagramId);

const between = (from: string, to: string, more: object): object => ({
  sender: { id: from },
  recipient: { id: to },
  timestamp: sentAt,
  ...more,
});
/** Of the person, to a Page or an Instagram account. */
export const incoming = (more: object, account = pageId): object => between(person, account, more);
export const outgoing = (more: object, account = pageId): object => between(account, person, more);

/** One value of the field `messages` of a number. */
export const ofNumber = (value: object, field = 'messages'): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: businessId,
      changes: [
        {
          field,
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '27110000000', phone_number_id: numberId },
            ...value,
          },
        },
      ],
    },
  ],
});
