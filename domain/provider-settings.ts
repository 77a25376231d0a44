/** One setting of a provider's credentials. */
export interface ProviderSetting {
  /** The environment variable that sets it for the installation. */
  env: string;
  kind: 'text' | 'url';
  required: boolean;
  /** For the API's documentation: what it is, in a few words. */
  description: string;
}

/** A provider's settings by the names under which they are stored and sent. */
export type ProviderSettingTable = Readonly<Record<string, ProviderSetting>>;
