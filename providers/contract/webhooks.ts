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
  /** Must be a webhook secret of the address's credentials, or what one of `ChallengeReader.settings` holds. */
  secret: string;
  /** The text of the right answer. */
  answer: string;
}

/** How a provider asks, before it sends events, whether an address is ours. */
export interface ChallengeReader {
  /** Settings whose values count as the secret besides ours. */
  settings: readonly string[];
  /** Reads the query of a GET; null where it is no challenge. Pure. */
  read(query: Readonly<Record<string, unknown>>): Challenge | null;
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
  /** The status that the documentation wants there for a wrong proof; 401 unless given, and always at our own addresses. */
  refusedAtPaths?: 403;
  /** Absent where the provider does not ask. */
  challenge?: ChallengeReader;
  /** The body of an event that is stored and has no effect, for the doctor; `mark` makes it unique. */
  selfTest(mark: string): object;
  /** Reads a request once. Pure, and linear in the body's length, whatever is in it. */
  read(request: WebhookRequest): ReadRequest;
  /** What a login page's callback reports; null for a body that names no account. Absent without such pages. Pure. */
  readCallback?(body: unknown): LoginPageReport | null;
}
