/** A provider's name, as it is stored and sent. Those that exist are the context's `providers`. */
export type ProviderName = string;

export const channelNames = ['whatsapp', 'instagram', 'messenger', 'linkedin', 'telegram', 'mail'] as const;
export type Channel = (typeof channelNames)[number];

export const methodNames = ['qr', 'credentials', 'hosted', 'oauth', 'token'] as const;
export type Method = (typeof methodNames)[number];
