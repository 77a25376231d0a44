import type { Config } from '../platform/config.ts';
import type { Reach } from '../providers/provider.ts';

/**
 * Where calls with some credentials may go. In production those of a tenant reach the internet alone; the installation's
 * come from its own environment, which may name a gateway inside.
 */
export const reachOf = ({ NODE_ENV }: Config, owner: 'tenant' | 'installation'): Reach =>
  NODE_ENV === 'production' && owner === 'tenant' ? 'public' : 'any';

/** The same for stored credentials. */
export const reachOfCredentials = (config: Config, { tenantId }: { tenantId: string | null }): Reach =>
  reachOf(config, tenantId === null ? 'installation' : 'tenant');
