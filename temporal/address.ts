import { readFileSync } from 'node:fs';
import type { TLSConfig } from '@temporalio/client';
import { ConfigError, type Config } from '../platform/config.ts';

/** A cluster, or Temporal Cloud with its key. Throws `ConfigError` where a PEM file cannot be read. */
export const temporalAddress = (config: Config) => ({
  address: config.TEMPORAL_ADDRESS,
  tls: tlsOf(config),
  ...(config.TEMPORAL_API_KEY ? { apiKey: config.TEMPORAL_API_KEY } : {}),
});

function tlsOf(config: Config): TLSConfig | boolean {
  const pem = (name: 'TEMPORAL_TLS_CA' | 'TEMPORAL_TLS_CERT' | 'TEMPORAL_TLS_KEY'): Buffer | undefined => {
    const path = config[name];
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw new ConfigError(`${name} is wrong: ${(error as Error).message}`);
    }
  };
  const [ca, crt, key] = [pem('TEMPORAL_TLS_CA'), pem('TEMPORAL_TLS_CERT'), pem('TEMPORAL_TLS_KEY')];
  const serverName = config.TEMPORAL_TLS_SERVER_NAME;
  if (!ca && !crt && !serverName) return config.TEMPORAL_TLS || config.TEMPORAL_API_KEY !== undefined;
  return {
    ...(serverName ? { serverNameOverride: serverName } : {}),
    ...(ca ? { serverRootCACertificate: ca } : {}),
    ...(crt && key ? { clientCertPair: { crt, key } } : {}),
  };
}
