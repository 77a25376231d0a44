/**
 * What a provider gave out for one account alone: the key that calls for it are made with, and the secret that its
 * webhooks carry. Kept sealed with the account, shown to nobody.
 */
export interface AccountKeys {
  apiKey?: string;
  webhookSecret?: string;
}
