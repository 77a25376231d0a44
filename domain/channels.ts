export const providerNames = ['unipile', 'wasender', 'meta'] as const;
export type ProviderName = (typeof providerNames)[number];

export const channelNames = ['whatsapp', 'instagram', 'messenger', 'linkedin', 'telegram', 'mail'] as const;
export type Channel = (typeof channelNames)[number];

export const methodNames = ['qr', 'credentials', 'hosted', 'oauth', 'token'] as const;
export type Method = (typeof methodNames)[number];
