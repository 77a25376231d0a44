/** A request that came in at a webhook address. */
export interface WebhookRequest {
  raw: Buffer;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** One event of a webhook, in our words. `dedupeKey` is equal for equal deliveries and unique within a provider. */
export type WebhookEvent = {
  dedupeKey: string;
  providerAccountId: string | null;
  /** The provider's own name of the event. */
  type: string;
} & (
  | { kind: 'account_status'; status: AccountStatusKind }
  /** Of no kind that is handled yet: kept and counted. */
  | { kind: 'other' }
);

/** What an account-status event claims. The account moves only after the provider confirms it. */
export type AccountStatusKind =
  | 'created'
  | 'linked'
  | 'synced'
  | 'degraded'
  | 'needs_restart'
  | 'login_lost'
  | 'deleted'
  | 'unknown';

/** How a provider's webhook requests prove where they come from. */
export interface WebhookProof {
  /** The header that holds the secret or the signature, as the provider spells it. */
  header: string;
  /**
   * The settings whose values sign requests, where the provider signs with secrets of its own. Without it the secret is
   * ours, and registered with the webhook.
   */
  secretSettings?: readonly string[];
  /** Whether the request was made with one of `secrets`; several count, so that they can be rotated. Pure. */
  verify(request: WebhookRequest, secrets: readonly string[]): boolean;
  /** The header's value in a request with this body that `verify` accepts. Pure. */
  prove(raw: Buffer, secret: string): string;
  /** The secret that a request shows, where every account has one of its own (`AccountKeys`). Pure. */
  shownSecret?(request: WebhookRequest): string | null;
}

/** What a provider's webhooks are. */
export interface Webhooks extends WebhookProof {
  /** Paths besides our own at which a provider's documentation puts its webhooks; there the secret names the credentials. */
  paths: readonly string[];
  /**
   * The text that answers a GET by which the provider asks, before it sends events, whether the address is ours; null
   * where it does not know one of `secrets`, which are ours. Absent where the provider does not ask.
   */
  challenge?(query: Readonly<Record<string, unknown>>, secrets: readonly string[]): string | null;
  /** The body of an event that is stored and has no effect, for the doctor; `mark` makes it unique. */
  selfTest(mark: string): object;
  /** The request's events. Throws on a body that is not the provider's. Pure. */
  read(request: WebhookRequest): WebhookEvent[];
  /** A body as it may be kept: without the keys that the provider puts into it. `read` reads it the same. Pure. */
  withoutKeys?(body: string): string;
  /** The upstream account of a login page's callback; null for a body that names none. Absent without such pages. Pure. */
  readCallback?(body: unknown): string | null;
}
