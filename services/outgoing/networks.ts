import { readNetworks, type Networks } from '../../domain/public-address.ts';
import type { Config } from '../../platform/config.ts';

const thisMachine = '127.0.0.0/8,::1/128';

/** The networks inside to which events may be delivered: those of the setting, else this machine, and in production none. */
export const deliveryNetworks = ({
  NODE_ENV,
  WEBHOOK_ALLOWED_NETWORKS,
}: Pick<Config, 'NODE_ENV' | 'WEBHOOK_ALLOWED_NETWORKS'>): Networks =>
  readNetworks(WEBHOOK_ALLOWED_NETWORKS ?? (NODE_ENV === 'production' ? '' : thisMachine)) ?? [];
