/** The providers Patchbay connects through. A new provider is one more word here and one folder in `providers/`. */
export const providerNames = ['unipile', 'wasender', 'meta'] as const;
export type ProviderName = (typeof providerNames)[number];

/** The channels a person is reached on. */
export const channelNames = ['whatsapp', 'instagram', 'messenger', 'linkedin', 'telegram', 'mail'] as const;
export type Channel = (typeof channelNames)[number];

/** The ways a login can begin. */
export const methodNames = ['qr', 'credentials', 'hosted', 'oauth', 'token'] as const;
export type Method = (typeof methodNames)[number];
