export interface ProviderSetting {
  /** The environment variable for the installation. */
  env: string;
  /** `url`: an address that calls go to. `host`: the same, or its host and port alone. `count`: a whole number from 1 on. */
  kind: 'text' | 'url' | 'host' | 'count';
  required: boolean;
  /** For the API's documentation. */
  description: string;
}

/** By the names that are stored and sent. */
export type ProviderSettingTable = Readonly<Record<string, ProviderSetting>>;

/** Whether a setting of the kind `count` is one. */
export const isCount = (text: string): boolean => /^[1-9]\d{0,6}$/.test(text);

/** The limit of all calls of credentials: every provider's setting of the name `calls_per_minute`. */
export const callsPerMinuteSetting = (env: string) =>
  ({
    env,
    kind: 'count',
    required: false,
    description: 'the most calls in a minute, of all accounts together; no limit unless given',
  }) as const satisfies ProviderSetting;

/** The limit that settings hold; null: none. */
export const callsPerMinuteOf = ({ calls_per_minute: given }: Readonly<Record<string, string>>): number | null =>
  given === undefined ? null : Number(given);
