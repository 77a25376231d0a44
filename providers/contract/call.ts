import type { AccountKeys } from '../../domain/accounts.ts';
import type { Channel } from '../../domain/channels.ts';

/** A provider's settings as stored or taken from the environment: base address, token and the like. */
export type ProviderSettings = Readonly<Record<string, string>>;

/** Where a call may go: `public` is hosts of the internet alone, whatever its address resolves to. */
export type Reach = 'public' | 'any';

/** How much of a limit of calls is used, as an answer of the provider tells. */
export interface CallPressure {
  /** What the limit is of, by an id of the provider's; null: of all calls with these credentials. */
  of: string | null;
  /** From 100 on, nothing is left. */
  percent: number;
  /** When calls are taken again, in milliseconds since the epoch; null where the answer does not say. */
  until: number | null;
}

/** What a verb about a provider's credentials needs. */
export interface CredentialsCall {
  settings: ProviderSettings;
  reach: Reach;
  signal?: AbortSignal;
  /**
   * Resolves when the limits of the credentials, and those of what it is `of` (`CallPressure.of`), let one more request go
   * out; each request waits for it. Throws `rate_limited` where that takes too long. Absent: there is no limit.
   */
  turn?(signal?: AbortSignal, of?: readonly string[]): Promise<void>;
  /** Tells how full the provider's limits are, so that later requests of every process slow down in time. Never throws. */
  report?(pressures: readonly CallPressure[]): Promise<void>;
  /** The context's clock, in milliseconds since the epoch. */
  now: number;
}

/** What a verb about one account needs. */
export interface ProviderCall extends CredentialsCall {
  channel: Channel;
  /** The upstream login, where one is known. */
  providerAccountId: string | null;
  /** The account's own keys, where its provider gives each account some. */
  keys?: AccountKeys | null;
  /** Where the events of these credentials are received, for providers that take the address with each login. */
  webhookAddress?: string;
}
