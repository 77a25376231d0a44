export interface ProviderSetting {
  /** The environment variable for the installation. */
  env: string;
  /** `url`: an address that calls go to. `host`: the same, or its host and port alone. */
  kind: 'text' | 'url' | 'host';
  required: boolean;
  /** For the API's documentation. */
  description: string;
}

/** By the names that are stored and sent. */
export type ProviderSettingTable = Readonly<Record<string, ProviderSetting>>;
