import type { ProviderName } from '../domain/channels.ts';
import type { Provider } from './provider.ts';
import { unipile } from './unipile/unipile.ts';
import { wasender } from './wasender/wasender.ts';

/** Every provider; a new one is a folder and a line here. */
export const providers: Partial<Record<ProviderName, Provider>> = { unipile, wasender };
