import type { AccountKeys } from '../../domain/accounts.ts';
import type { Method } from '../../domain/channels.ts';
import type { StepContent } from '../../domain/steps.ts';
import type { AccountView } from './account.ts';
import type { ProviderCall } from './call.ts';

/** What a login starts with; also what a reconnection uses again. Values are the provider's own option names. */
export interface LoginInput {
  method: Method;
  credentials: Readonly<Record<string, unknown>>;
  /** Of a login on the provider's own page. */
  page?: LoginPage;
  /** Of a login by OAuth. */
  oauth?: OAuthReturn;
  /** Names this login alone: what it makes upstream can carry it, so that it is found again. */
  reference?: string;
  /** The account's identity on the channel when it last worked; a new login need not ask for it. */
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

/** How the owner's browser comes back from an authorization page. */
interface OAuthReturn {
  /** The one address of returns with these credentials: it is registered there, and the same at the exchange. */
  redirectUri: string;
  /** Names the login on return; unguessable, so that no other page can return for it (RFC 6749, section 10.12). */
  state: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/** The input of a login by OAuth. */
export interface OAuthLogin extends LoginInput {
  oauth: OAuthReturn;
}

/** An account that a login took of several without asking the owner. */
export interface TakenAccount {
  /** As people know it. */
  label: string;
  /** How many there were. */
  of: number;
}

/**
 * What a login verb answers: the upstream id (null while none is known) and what comes next. `linked` means the
 * provider says that the login succeeded; `check` then says what was linked. Times are milliseconds since the epoch.
 */
export interface LoginProgress {
  providerAccountId: string | null;
  /** Where the provider gives the account keys of its own. */
  keys?: AccountKeys;
  /** As `AccountView.groups`. */
  groups?: readonly string[];
  /** What does not work with what the owner gave, one sentence each. */
  notes?: readonly string[];
  /** Told to the owner, where the login wanted no choice and there was one. */
  taken?: TakenAccount;
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

/** An upstream account that a login may have made; `proven` where it surely did. */
export interface UnconfirmedLogin {
  providerAccountId: string;
  proven: boolean;
}

/** The verbs of logging in. Optional ones are absent where the provider has no such thing. */
export interface Login {
  /** Begins a login; with `call.providerAccountId` on that upstream account, keeping its id. */
  begin(call: ProviderCall, input: LoginInput): Promise<LoginProgress>;
  /** `call.providerAccountId` is null while the login has asked for something before anything was made. */
  answer(call: ProviderCall, content: StepContent, answer: string, input?: LoginInput): Promise<LoginProgress>;
  /** Sends a code again; null: sent, and the present step stays valid. */
  resend?(call: ProviderCall): Promise<LoginProgress | null>;
  anotherWay?(call: ProviderCall): Promise<LoginProgress>;
  /** What the provider says of this login or account now. */
  check(call: ProviderCall): Promise<AccountView>;
  /**
   * After a `begin` whose outcome is unknown: the upstream accounts that this login may have made since `since` (epoch
   * milliseconds). The caller drops those that it knows already. Absent where beginning makes nothing upstream.
   */
  findUnconfirmedLogins?(call: ProviderCall, input: LoginInput, since: number): Promise<UnconfirmedLogin[]>;
  /** Revives what needs no human. Answers whether there was something to try. */
  restore?(call: ProviderCall): Promise<boolean>;
  /**
   * Ends the login at the provider; an unknown id counts as ended. `alone` are the account's groups (`AccountView.groups`)
   * that no other account is in: what accounts of another group share must stay. Absent: that is not known.
   */
  revoke(call: ProviderCall, alone?: readonly string[]): Promise<void>;
}

/** A login by OAuth 2.0's authorization code (RFC 6749, section 4.1). */
export interface OAuth {
  /** The setting that holds the return address, where it may be another one than ours; it must lead to ours. */
  redirectSetting?: string;
  /** Paths besides our own at which a provider's documentation has owners come back. */
  paths?: readonly string[];
  /** The page on which the owner agrees. Pure. */
  authorizationUrl(call: ProviderCall, login: OAuthLogin): string;
  /**
   * Exchanges a code, once: the login is linked, or its owner chooses among several accounts (a step `choose`, whose
   * answer goes to `login.answer`). Throws `wrong_answer` for a code that does not count.
   */
  exchange(call: ProviderCall, code: string, login: OAuthLogin): Promise<LoginProgress>;
}
