/** The address at which a provider reaches us; its token is unguessable, since not every provider signs. */
export const webhookAddress = (publicUrl: string, provider: string, token: string): string =>
  `${publicUrl.replace(/\/$/, '')}/webhooks/${provider}/${token}`;
