import { meta } from './meta/index.ts';
import { unipile } from './unipile/index.ts';
import { wasender } from './wasender/index.ts';

/** A new provider is a folder, and its line here. */
export const PROVIDERS = [unipile, wasender, meta] as const;
