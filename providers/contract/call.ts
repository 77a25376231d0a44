import type { AccountKeys } from '../../domain/accounts.ts';
import type { Channel } from '../../domain/channels.ts';

/** A provider's settings as stored or taken from the environment: base address, token and the like. */
export type ProviderSettings = Readonly<Record<string, string>>;

/** Where a call may go: `public` is hosts of the internet alone, whatever its address resolves to. */
export type Reach = 'public' | 'any';

/** What a verb about a provider's credentials needs. */
export interface CredentialsCall {
  settings: ProviderSettings;
  reach: Reach;
  signal?: AbortSignal;
  /**
   * Resolves when the limit of the credentials lets one more request go out; each request waits for it. Throws `rate_limited`
   * where that takes too long. Absent: there is no limit.
   */
  turn?(signal?: AbortSignal): Promise<void>;
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
