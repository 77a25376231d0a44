import type { ReadRequest } from '../../domain/webhook-events.ts';

/** A request that came in at a webhook address. */
export interface WebhookRequest {
  raw: Buffer;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How a provider's webhook requests prove where they come from. */
export interface WebhookProof {
  /** The header that holds the secret or the signature, as the provider spells it. */
  header: string;
  /** Absent where the header holds the secret itself; that one is ours, and registered with the webhook. */
  signature?: BodySignature;
  /** An older header and signature with the same secrets, which count in a request without the other header. */
  olderSignature?: { header: string; sign: BodySignature['sign'] };
}

/** The provider signs the raw body with a secret of its own, which is one of its settings. */
export interface BodySignature {
  /** The settings whose values may sign. */
  settings: readonly string[];
  /** The header's value in a request with this body. Pure. */
  sign(raw: Buffer, secret: string): string;
}

/** A provider's question whether an address is ours. */
export interface Challenge {
  /** Must be a webhook secret of the address's credentials, or the value of one of `challengeSettings`. */
  secret: string;
  /** The text of the right answer. */
  answer: string;
}

/** A login page's report of the account that one of its logins made or connected again. */
export interface LoginPageReport {
  providerAccountId: string;
  /** The name with which the page was made (`LoginPage.name`). */
  login: string;
}

/** What a provider's webhooks are. */
export interface Webhooks extends WebhookProof {
  /**
   * Paths besides our own at which a provider's documentation puts its webhooks. There the secret names the credentials;
   * where bodies are signed, the credentials are the installation's.
   */
  paths: readonly string[];
  /**
   * Reads the GET by which the provider asks, before it sends events, whether the address is ours; null where the query
   * is none. Absent where the provider does not ask. Pure.
   */
  challenge?(query: Readonly<Record<string, unknown>>): Challenge | null;
  /** Settings whose values are right secrets of a challenge, too. */
  challengeSettings?: readonly string[];
  /** The body of an event that is stored and has no effect, for the doctor; `mark` makes it unique. */
  selfTest(mark: string): object;
  /** Reads a request once. Pure, and linear in the body's length, whatever is in it. */
  read(request: WebhookRequest): ReadRequest;
  /** What a login page's callback reports; null for a body that names no account. Absent without such pages. Pure. */
  readCallback?(body: unknown): LoginPageReport | null;
}
