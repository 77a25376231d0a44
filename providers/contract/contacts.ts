import type { SeenContact } from '../../domain/contacts.ts';
import type { ProviderCall } from './call.ts';

/** A part of the address book. */
export interface ContactPage {
  contacts: SeenContact[];
  /** Entries that the provider delivered; more than `contacts` where some are no people. */
  delivered: number;
  /** Leads to the next page, also after days; null at the end. */
  cursor: string | null;
}

/** What may be asked for of one account; below the provider's own limits, which its owner's other tools share. */
interface ContactLimits {
  picturesPerMinute: number;
  picturesPerDay: number;
  /** Calls of `phoneOf`. */
  phonesPerMinute: number;
}

/**
 * Verbs over the address book of a connected account (`call.providerAccountId`, `call.keys`). All throw
 * `ProviderFailure`: `rate_limited` with `retryAfterMs` (also where a day's quota is used up), `login_lost` while the
 * account is not connected, `provider_key_rejected`, `provider_unavailable`. `id` is a phone number or an identity of the
 * channel.
 */
export interface ContactReader {
  limits: ContactLimits;
  /** One page; null is the first cursor. A person may come twice, on one page or on two. */
  page(call: ProviderCall, cursor: string | null): Promise<ContactPage>;
  /** The whole address book at one moment: changes meanwhile cannot shift entries between pages. */
  all(call: ProviderCall): Promise<ContactPage>;
  /** Null for a person that the provider does not know. */
  one(call: ProviderCall, id: string): Promise<SeenContact | null>;
  /** The picture's address, which expires; null where there is none to see. */
  picture(call: ProviderCall, id: string): Promise<string | null>;
  /**
   * The number (E.164) behind an identity that hides it, such as WhatsApp's LID; null where the provider does not tell
   * it. Absent where the channel has no such identities.
   */
  phoneOf?(call: ProviderCall, id: string): Promise<string | null>;
}
