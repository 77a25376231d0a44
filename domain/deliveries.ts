export const deliveryStates = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** Why a try failed. `no_connection` says nothing of what is at the address: it may be inside. */
export const deliveryErrors = ['no_connection', 'timeout', 'redirect', 'refused', 'gone'] as const;
export type DeliveryError = (typeof deliveryErrors)[number];

/** A secret that signs deliveries; `until` in RFC 3339, null for the present one. */
export interface SigningSecret {
  secret: string;
  until: string | null;
}

/** An event as an endpoint gets it. `resync` and `test` are told to endpoints alone, and are of no account. */
export interface OutgoingEvent {
  id: string;
  type: string;
  account_id: string | null;
  /** RFC 3339. */
  at: string;
  data: Record<string, unknown>;
}

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** How long an event is tried, in milliseconds. */
export const giveUpMs = 72 * hours;

/** Pauses after the first tries, then `lastPauseMs` after each. */
const pausesMs = [10 * seconds, 30 * seconds, 2 * minutes, 10 * minutes, 30 * minutes, 1 * hours, 2 * hours];
const lastPauseMs = 4 * hours;
/** Endpoints that failed together are not tried together: a pause is up to this share shorter or longer. */
const jitter = 0.1;

/** The pause after a number of failed tries, in milliseconds; `random` is from 0 to 1. */
export const pauseAfter = (tries: number, random: number): number =>
  Math.round((pausesMs[tries - 1] ?? lastPauseMs) * (1 + jitter * (2 * random - 1)));

/** The circuit of an endpoint opens after so many failures in a row; then one delivery is tried so often, in milliseconds. */
export const circuit = { failures: 5, probeEveryMs: 1 * minutes };

/** The lane of an event: deliveries of one lane keep their order. `owner`: its account, or the tenant where it is of none. */
export const laneOf = (owner: string, data: Record<string, unknown>): string => {
  const conversation = data['conversation_id'];
  return typeof conversation === 'string' ? conversation : owner;
};
