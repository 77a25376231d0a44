import { unipile } from './unipile/index.ts';
import { wasender } from './wasender/index.ts';

/** Every provider's stand-in. A new one is a folder, and its line here. */
export const PROVIDERS = [unipile, wasender] as const;
