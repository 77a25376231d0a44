export interface ProviderSetting {
  /** The environment variable for the installation. */
  env: string;
  kind: 'text' | 'url';
  required: boolean;
  /** For the API's documentation. */
  description: string;
}

/** By the names that are stored and sent. */
export type ProviderSettingTable = Readonly<Record<string, ProviderSetting>>;
