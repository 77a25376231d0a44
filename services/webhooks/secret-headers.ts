import type { ProviderName } from '../../domain/channels.ts';

/** The request header in which a provider repeats our webhook secret, for those that do not sign. */
export const secretHeaders: Partial<Record<ProviderName, string>> = {
  unipile: 'Patchbay-Webhook-Secret',
  wasender: 'X-Webhook-Signature',
};
