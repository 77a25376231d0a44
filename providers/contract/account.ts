import type { AccountDetails, AccountKeys } from '../../domain/accounts.ts';
import type { Channel } from '../../domain/channels.ts';
import type { FailureCode } from '../../domain/failures.ts';
import type { CredentialsCall, ProviderCall } from './call.ts';

/**
 * What the provider says of a login or an account now.
 * `pending`: not finished yet · `linked`: works · `degraded`: trouble that may pass · `needs_restart`: stopped, a restart
 * may help · `login_lost`: the owner must log in · `not_found`: the provider does not know it.
 */
export interface AccountView {
  status: 'pending' | 'linked' | 'degraded' | 'needs_restart' | 'login_lost' | 'not_found';
  /** The provider's own word for it, shown in the timeline. */
  reported: string;
  /** Why, where more is known than the status says; it decides who must act. */
  reason?: FailureCode;
  /** The identity on the channel (E.164 number, member id …), or null where it is not known yet. */
  identity: string | null;
  /** When the provider made it, in milliseconds since the epoch; null where it does not say. */
  createdAt: number | null;
  /** The provider's raw answer, without any key; null when the account was not found. */
  raw: unknown;
  /** A code waits to be scanned: `login.begin` answers it, and begins nothing anew. */
  codeWaits?: true;
  /**
   * Names that several accounts of one upstream owner share, such as the owner's id there: an event may name one in place of
   * an account (`WebhookEvent.providerGroup`). They take the place of those that were told before.
   */
  groups?: readonly string[];
  /** The account's keys as they are now, where it has some: they may have been changed at the provider. */
  keys?: AccountKeys;
}

/** An account as the provider's list shows it; `channel` is null where none of ours fits. */
export interface ListedAccount {
  providerAccountId: string;
  channel: Channel | null;
  /** The provider's own label: a name or a number. */
  name: string | null;
  view: AccountView;
}

/** Where a provider sends an account's events, as it says itself. */
interface WebhookTarget {
  /** Null: nowhere. */
  address: string | null;
  /** Names of events that are needed and not sent. */
  missing: readonly string[];
}

/** The webhooks that a provider has under some credentials: where the events of an account go; null where that is not told. */
export type WebhookTargets = (account: Pick<ProviderCall, 'channel' | 'providerAccountId'>) => WebhookTarget | null;

/** Verbs over accounts and the credentials that they live under. */
export interface Accounts {
  /** Asks the provider for something small; throws where it refuses the credentials or does not answer. */
  checkCredentials(call: CredentialsCall): Promise<void>;
  /** The ten and eight points of an account from what `check` saw. */
  details(call: ProviderCall, view: AccountView): Promise<AccountDetails>;
  /** Every account under these credentials, whatever made it. Absent where the provider has no such list. */
  list?(call: CredentialsCall): Promise<ListedAccount[]>;
  /**
   * Makes sure that events reach `address`; answers the registrations' ids. Safe to repeat. `anew`: registrations that look
   * right are replaced all the same. Absent where an operator registers the address at the provider.
   */
  registerWebhooks?(call: CredentialsCall, address: string, secret: string, anew?: boolean): Promise<string[]>;
  /**
   * Where each account has a webhook of its own: makes sure that this one's events reach `call.webhookAddress`, unless
   * they go to an address that is not ours.
   */
  subscribe?(call: ProviderCall): Promise<void>;
  /**
   * Where events go, for all accounts under these credentials in one call or a few; of several webhooks the one with
   * `address` counts. Changes nothing. Absent where the provider does not tell.
   */
  webhookTargets?(call: CredentialsCall, address: string): Promise<WebhookTargets>;
  /**
   * Names of events that are needed and not sent for one account, where each account has a subscription of its own; null
   * where it has none now. Changes nothing. Absent where accounts need no subscription.
   */
  missingEvents?(call: ProviderCall): Promise<readonly string[] | null>;
}
