import type { FailureCode } from './failures.ts';

/** Why a message that the provider had taken did not arrive. */
export interface DeliveryFailure {
  reason: FailureCode;
  /** In our words, with the provider's number of the error. */
  detail: string;
}

/** What the provider charges for a message, in its own words. Null: it does not say. */
export interface MessagePricing {
  billable: boolean | null;
  model: string | null;
  type: string | null;
  category: string | null;
}

/** Where a message came from, beside its text. A missing field: not so, or not told. */
export interface MessageContext {
  /** Of a button or quick reply that was pressed: what its sender gave it. */
  payload?: string;
  /** The link or advertisement that led to the conversation. */
  referral?: MessageReferral;
  /** The story that the message answers, or that mentions the account. */
  story?: { kind: 'reply' | 'mention'; id: string | null; url: string | null };
  forwarded?: true;
  /** What the provider calls a content that has no form here. */
  contentType?: string;
}

/** By the provider's own names of sources and types. */
export interface MessageReferral {
  source?: string;
  type?: string;
  ref?: string;
  id?: string;
  headline?: string;
  body?: string;
  url?: string;
}

/** What is known of a message beside what it says. JSON; times are milliseconds since the epoch. */
export interface MessageExtras {
  failure?: DeliveryFailure & { at: number };
  pricing?: MessagePricing & { at: number };
  context?: MessageContext;
}

/** Two accounts of one message as one: of two prices the newest counts, of two failures the first, of two contexts the fuller. */
export function mergeExtras(one: MessageExtras, other: MessageExtras): MessageExtras {
  const failure = better(one.failure, other.failure, (a, b) => a.at - b.at);
  const pricing = better(one.pricing, other.pricing, (a, b) => b.at - a.at);
  const context = better(one.context, other.context, (a, b) => spelled(b).length - spelled(a).length);
  return { ...(failure && { failure }), ...(pricing && { pricing }), ...(context && { context }) };
}

/** The first by an order; of two equal ones that with the lesser text, which depends on no order of telling. */
function better<T extends object>(
  one: T | undefined,
  other: T | undefined,
  order: (a: T, b: T) => number,
): T | undefined {
  if (!one || !other) return one ?? other;
  const difference = order(one, other);
  return difference < 0 || (difference === 0 && spelled(one) <= spelled(other)) ? one : other;
}

/** One spelling of equal values: PostgreSQL keeps no order of names. */
const spelled = (value: object): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object'
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
