import type { SeenPerson } from '../../domain/seen-messages.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';

const expectKeys = (keys: readonly string[], least: number): void => {
  expect(keys.length).toBeGreaterThanOrEqual(least);
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) {
    expect(key.length).toBeLessThanOrEqual(255);
    expect(key).not.toMatch(/^$|\0/);
  }
};

const expectTime = (at: number | null | undefined): void => {
  if (at !== null && at !== undefined) expect(new Date(at).getFullYear()).toBeLessThan(10_000);
};

/** Of an actor, the account itself may have no keys. */
const expectPerson = (person: SeenPerson | null): void => {
  if (person) expectKeys(person.keys, person.isSelf === true ? 0 : 1);
};

/** Fails unless an event can be stored: ids that fit, times that are times, texts that PostgreSQL takes. */
export function expectSound(event: WebhookEvent): void {
  switch (event.kind) {
    case 'message': {
      const { message, conversation } = event;
      expectKeys(message.keys, 1);
      expectKeys(message.conversationKeys, 1);
      expect(conversation.keys).toEqual(message.conversationKeys);
      expectTime(message.sentAt);
      expect(message.text ?? 'text').not.toMatch(/^$|\0/);
      expect(message.sender?.keys.length ?? 1).toBeGreaterThan(0);
      for (const one of [message.sender, ...(conversation.attendees ?? [])]) expectPerson(one);
      for (const { by } of message.reactions) expectPerson(by);
      expectKeys(
        message.attachments.map(({ key }) => key),
        0,
      );
      break;
    }
    case 'conversation':
      for (const { keys, attendees, lastMessageAt } of event.conversations) {
        expectKeys(keys, 1);
        for (const one of attendees ?? []) expectPerson(one);
        expectTime(lastMessageAt);
      }
      break;
    case 'watermark':
      expectKeys(event.conversationKeys, 1);
      expectTime(event.upTo);
      break;
    case 'receipt':
    case 'reaction':
    case 'edit':
    case 'delete':
      expectKeys(event.messageKeys, 1);
      expectKeys(event.conversationKeys, 0);
      expectTime(event.at);
      if ('by' in event) expectPerson(event.by);
      break;
    case 'account_status':
    case 'contact':
    case 'other':
    case 'unreadable':
  }
}
