import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Deliveries } from './deliveries.ts';
import { ApiError } from './errors.ts';
import type { ProviderSandbox } from './provider.ts';
import { planEvents, type ActionAnswer, type EventKind, type PlannedEvent } from './writer-plan.ts';
import { createSender, type Sender, type SentWebhook } from './writer-sender.ts';

const share = z.number().min(0).max(1).default(0);

/** Shares are of the webhook deliveries. */
export const writerFields = z.object({
  rate: z.number().positive().optional().describe('events a second; without it as fast as they are taken'),
  count: z.int().min(1).max(1_000_000).default(100),
  seed: z.union([z.string(), z.number().transform(String)]).default('1'),
  conversations: z.int().min(1).max(1000).default(5),
  groups: z.int().min(0).default(1),
  duplicates: share,
  disorder: share,
  loss: share,
  malformed: share,
  waiting: z.int().positive().optional().describe('nothing is written while so many webhooks have not ended'),
});
type WriterFields = z.infer<typeof writerFields>;

interface WrittenEvent {
  n: number;
  kind: EventKind;
  chat_id: string | null;
  /** Null for a group's opening, and while the account is disconnected. */
  message_id: string | null;
  webhooks: SentWebhook[];
}

interface Writer {
  fields: WriterFields;
  provider: ProviderSandbox;
  account: unknown;
  events: WrittenEvent[];
  sender: Sender;
  isWriting: boolean;
  error: string | null;
}

export interface Writers {
  /** One for each account. Throws 409 while the account has one that is writing. */
  start(provider: ProviderSandbox, account: unknown, fields: WriterFields): object;
  /** `account` undefined: the latest. `full`: with events and conversations, which cost much once there are many. Throws 404. */
  show(account: unknown, full: boolean): object;
  /** Stops all. */
  reset(): void;
}

/** Without a rate, other work gets its turn after so many events. */
const BURST = 100;

export function createWriters(deliveries: Deliveries): Writers {
  const writers = new Map<unknown, Writer>();
  let stop = new AbortController();
  return {
    start(provider, account, fields) {
      if (writers.get(account)?.isWriting) throw new ApiError(409, 'this account has a writer that is still writing');
      const sender = createSender(fields, deliveries);
      const writer = { fields, provider, account, events: [], sender, isWriting: true, error: null };
      writers.delete(account);
      writers.set(account, writer);
      void write(writer, deliveries, stop.signal);
      return showWriter(writer, false);
    },
    show(account, full) {
      const writer = account === undefined ? [...writers.values()].at(-1) : writers.get(account);
      if (!writer) throw new ApiError(404, 'no writer has been started; POST /writer starts one');
      return showWriter(writer, full);
    },
    reset() {
      stop.abort();
      stop = new AbortController();
      writers.clear();
    },
  };
}

async function write(writer: Writer, deliveries: Deliveries, signal: AbortSignal): Promise<void> {
  const { rate, count, seed, conversations, groups } = writer.fields;
  const next = planEvents(seed, conversations, writer.provider.actions.post_group ? groups : 0);
  try {
    const begun = performance.now();
    for (let n = 0; n < count; n++) {
      const wait = rate === undefined ? 0 : begun + (n * 1000) / rate - performance.now();
      if (wait > 0) await sleep(wait, undefined, { signal, ref: false });
      else if (n % BURST === 0) await turn();
      await writer.sender.room();
      if (signal.aborted) return;
      writer.events.push(writeEvent(writer, n, next(), deliveries));
      writer.sender.release(n);
    }
    writer.sender.release(Infinity);
  } catch (error) {
    writer.error = error instanceof Error ? error.message : String(error);
  } finally {
    writer.isWriting = false;
  }
}

function writeEvent(
  { provider, account, sender }: Writer,
  n: number,
  planned: PlannedEvent,
  deliveries: Deliveries,
): WrittenEvent {
  const action = provider.actions[planned.action]!;
  const { result, captured } = deliveries.capture(
    () => action.run(account, action.body.parse(planned.fields)) as ActionAnswer,
  );
  planned.happened(result);
  const chat_id = result.chat_id ?? null;
  const message = result.message_id ?? result.messages?.[0]?.message_id;
  return {
    n,
    kind: planned.kind,
    chat_id,
    message_id: message === undefined ? null : String(message),
    // In a conversation one after the other, conversations beside each other.
    webhooks: captured.map((one) => sender.send(n, { ...one, lane: `${one.lane} ${chat_id}` })),
  };
}

function showWriter({ fields, provider, account, events, sender, ...writer }: Writer, full: boolean): object {
  const broken = sender.malformed;
  const webhooks = events.flatMap((one) => one.webhooks);
  const count = (keep: (one: SentWebhook) => boolean): number => webhooks.filter(keep).length;
  const waiting = [...webhooks.flatMap(({ copies }) => copies), ...broken].filter(({ state }) => state === 'waiting');
  const chats = new Set(events.map(({ chat_id }) => chat_id));
  return {
    state: writer.isWriting ? 'writing' : waiting.length ? 'delivering' : 'done',
    error: writer.error,
    ...fields,
    written: events.length,
    webhooks: {
      all: webhooks.length,
      acknowledged: count(isAcknowledged),
      lost: count(({ lost }) => lost),
      failed: count(({ copies }) => copies.length > 0 && copies.every(({ state }) => state === 'failed')),
      twice: count(({ copies }) => copies.length > 1),
      malformed: broken.length,
      malformed_acknowledged: broken.filter(({ state }) => state === 'delivered').length,
      waiting: waiting.length,
      most_tries: waiting.reduce((most, { tries }) => Math.max(most, tries.length), 0),
    },
    ...(full && {
      events: events.map((one) => ({ ...one, webhooks: one.webhooks.map(webhookView) })),
      conversations: provider.conversations(account).filter(({ chat_id }) => chats.has(chat_id)),
    }),
  };
}

const isAcknowledged = ({ copies }: SentWebhook): boolean => copies.some(({ state }) => state === 'delivered');

const webhookView = (one: SentWebhook): object => ({
  event: one.event,
  lost: one.lost,
  copies: one.copies.length,
  tries: one.copies.flatMap(({ tries }) => tries),
  acknowledged: isAcknowledged(one),
});
