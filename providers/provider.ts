import type { AccountDetails, AccountKeys } from '../domain/accounts.ts';
import type { Channel, Method, ProviderName } from '../domain/channels.ts';
import type { SeenContact } from '../domain/contacts.ts';
import type { StepContent } from '../domain/steps.ts';
import type { ReadRequest } from '../domain/webhook-events.ts';

/** A provider's settings as stored or taken from the environment: base address, token and the like. */
export type ProviderSettings = Readonly<Record<string, string>>;

/** What every verb needs: whose settings, which login, and when to stop. */
export interface ProviderCall {
  settings: ProviderSettings;
  channel: Channel;
  /** The upstream login, where one is known. */
  providerAccountId: string | null;
  /** The account's own keys, where its provider gives each account some. */
  keys?: AccountKeys | null;
  /** Where the events of these credentials are taken in, for providers that are told with each login. */
  webhookAddress?: string;
  signal?: AbortSignal;
  /** The context's clock, in milliseconds. */
  now: number;
}

/** What a login starts with; also what a reconnection uses again. Values are the provider's own option names. */
export interface LoginInput {
  method: Method;
  credentials: Readonly<Record<string, unknown>>;
  /** Of a login on the provider's own page. */
  page?: LoginPage;
  /** Names this login alone: what it makes upstream can carry it, so that it is found again. */
  reference?: string;
  /** Who the account was on the channel when it last worked; a login anew need not ask for it. */
  identity?: string | null;
}

/** What a provider's login page is made with. `name` comes back with its callback; times are epoch milliseconds. */
export interface LoginPage {
  name: string;
  callbackUrl: string;
  successUrl: string;
  failureUrl: string;
  expiresAt: number;
}

/**
 * What a login verb answers: the upstream id (null while none is known) and what comes next. `linked` means the
 * provider says that the login succeeded; `check` then says what was linked. Times are milliseconds since the epoch.
 */
export interface LoginProgress {
  providerAccountId: string | null;
  /** Where the provider gives the account keys of its own. */
  keys?: AccountKeys;
  next:
    | { linked: true }
    | {
        linked: false;
        content: StepContent;
        expiresAt: number | null;
        canResend: boolean;
        canTryAnotherWay: boolean;
      };
}

/**
 * What the provider says of a login or an account now.
 * `pending`: not finished yet · `linked`: works · `degraded`: trouble that may pass · `needs_restart`: stopped, a restart
 * may help · `login_lost`: the owner must log in · `not_found`: the provider does not know it.
 */
export interface AccountView {
  status: 'pending' | 'linked' | 'degraded' | 'needs_restart' | 'login_lost' | 'not_found';
  /** The provider's own word for it, shown in the timeline. */
  reported: string;
  /** Who this is on the channel (E.164 number, member id …), or null where it is not known yet. */
  identity: string | null;
  /** When the provider made it, in milliseconds since the epoch; null where it does not say. */
  createdAt: number | null;
  /** The provider's raw answer, without any key; null when gone. */
  raw: unknown;
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

/** What a provider can do for a channel; shown by the API so that no caller has to ask which provider it is. */
interface Capabilities {
  channels: Partial<Record<Channel, { methods: readonly Method[] }>>;
  resend: boolean;
  anotherWay: boolean;
  /** Whether `restore` can revive a login without its owner. */
  restore: boolean;
}

/** A request that came in at a webhook address. */
export interface WebhookRequest {
  raw: Buffer;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A part of the address book. */
export interface ContactPage {
  contacts: SeenContact[];
  /** Entries that the provider delivered; more than `contacts` where some are no people. */
  delivered: number;
  /** Leads to the next page, also after days; null at the end. */
  cursor: string | null;
}

/**
 * Verbs over the address book of a connected account (`call.providerAccountId`, `call.keys`). All throw
 * `ProviderFailure`: `rate_limited` with `retryAfterMs` (also where a day's quota is used up), `login_lost` while the
 * account is not connected, `provider_key_rejected`, `provider_unavailable`. `who` is a number, a JID or a LID.
 */
export interface ContactReader {
  /** One page; null is the first cursor. A person may come twice, on one page or on two. */
  page(call: ProviderCall, cursor: string | null): Promise<ContactPage>;
  /** The whole address book as it is at one moment: people who come or go meanwhile move nobody out of sight. */
  all(call: ProviderCall): Promise<ContactPage>;
  /** Null for somebody whom the provider does not know. */
  one(call: ProviderCall, who: string): Promise<SeenContact | null>;
  /** The picture's address, which expires; null where there is none to see. */
  picture(call: ProviderCall, who: string): Promise<string | null>;
  /** The number (E.164) behind a LID; null where the provider does not tell it. */
  lidToPhone(call: ProviderCall, lid: string): Promise<string | null>;
}

/** A message as it is handed to a provider: a text, an attachment, or both (then the text is its caption). */
export interface OutgoingMessage {
  /** A number, a JID, a LID, or the id of a group or channel. */
  to: string;
  text?: string;
  /** The provider fetches it from `url`. */
  attachment?: { kind: 'image' | 'video' | 'document' | 'audio' | 'sticker'; url: string; fileName?: string };
  /** The provider's id of the message that is answered. */
  replyTo?: string;
}

/** A message that the provider took; whether it arrives is told later. */
export interface SentMessage {
  /** Null where the provider tells none. */
  providerMessageId: string | null;
}

/**
 * One provider: one folder exporting one object. All verbs answer plain data or throw `ProviderFailure`; none of
 * them writes anything of ours, retries, or logs a secret.
 */
export interface Provider {
  name: ProviderName;
  capabilities: Capabilities;

  /** Settings missing or malformed, as one sentence; null when they will do. */
  checkSettings(settings: ProviderSettings): string | null;
  /** What is wrong with a login's input (missing password …), as one sentence; null when it can be tried. */
  validateLoginInput(channel: Channel, input: LoginInput): string | null;

  login: {
    /** Begins a login; with `call.providerAccountId` on that upstream account, keeping its id. */
    begin(call: ProviderCall, input: LoginInput): Promise<LoginProgress>;
    /** `call.providerAccountId` is null while the login has asked for something before anything was made. */
    answer(call: ProviderCall, content: StepContent, answer: string, input?: LoginInput): Promise<LoginProgress>;
    /** Sends a code again; null: sent, and the present step stays valid. */
    resend(call: ProviderCall): Promise<LoginProgress | null>;
    anotherWay(call: ProviderCall): Promise<LoginProgress>;
    /** What the provider says of this login or account now. */
    check(call: ProviderCall): Promise<AccountView>;
    /**
     * After a `begin` whose outcome is unknown: the upstream ids that this login may have made since `since` (epoch
     * milliseconds), and for each whether that can be proven. The caller drops those that it knows already.
     */
    findUnconfirmedLogins(
      call: ProviderCall,
      input: LoginInput,
      since: number,
    ): Promise<{ providerAccountId: string; proven: boolean }[]>;
    /** Revives what needs no human. Answers whether there was something to try. */
    restore(call: ProviderCall): Promise<boolean>;
    /** Ends the login at the provider; an unknown id counts as ended. */
    revoke(call: ProviderCall): Promise<void>;
  };

  account: {
    /** The ten and eight points of an account from what `check` saw. */
    details(call: ProviderCall, view: AccountView): Promise<AccountDetails>;
    /** Everything that lives at the provider under these credentials, whoever made it. */
    list(call: ProviderCall): Promise<ListedAccount[]>;
    /** Makes sure that events reach `address`; answers the registrations' ids. Safe to repeat. */
    registerWebhooks(call: ProviderCall, address: string, secret: string): Promise<string[]>;
    /**
     * Where each account has a webhook of its own: makes sure that this one's events reach `call.webhookAddress`,
     * unless they go to somebody else.
     */
    subscribe?(call: ProviderCall): Promise<void>;
  };

  /** Reading the account's address book; absent where the provider has none. */
  contacts?: ContactReader;

  /**
   * Hands a message over. Nothing tells a repeat apart: a failure whose effect is `unknown` may have sent it. Throws
   * `request_refused` for what cannot be sent, `not_found`, `rate_limited`, `login_lost`.
   */
  send?(call: ProviderCall, message: OutgoingMessage): Promise<SentMessage>;

  webhooks: {
    /** The secret that a request shows: that of the credentials, or where every account has one, the account's. Pure. */
    shownSecret(request: Pick<WebhookRequest, 'headers'>): string | null;
    /** Reads a request once. Pure, and linear in the body's length, whatever is in it. */
    read(request: WebhookRequest): ReadRequest;
    /** The upstream account of a login page's callback; null for a body that names none. Pure. */
    readCallback(body: unknown): string | null;
  };
}
