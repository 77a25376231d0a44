import type { Providers } from './provider.ts';
import { meta } from './meta/index.ts';
import { unipile } from './unipile/index.ts';
import { wasender } from './wasender/index.ts';

/** Every provider by its name; a new one is a folder and a line here. */
export const providers: Providers = { unipile, wasender, meta };
