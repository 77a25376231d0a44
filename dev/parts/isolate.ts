import { bypassProxyForLoopback } from '../../platform/loopback.ts';

/**
 * Keeps variables of the shell from the parts of a local stack: those of PostgreSQL's clients (`PGSSLMODE`, `PGOPTIONS`,
 * …) unless DATABASE_URL names a server of the user's, and a proxy for calls to this machine.
 */
export function isolate(environment: NodeJS.ProcessEnv): void {
  if (!environment.DATABASE_URL)
    for (const name of Object.keys(environment)) if (/^PG[A-Z]+$/.test(name)) delete environment[name];
  bypassProxyForLoopback(environment);
}
