import type { Command } from 'commander';
import { createApiKey, ensureTenant, parseScopes } from '../db/api-keys.ts';
import { withSession } from './session.ts';

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('API keys');
  keys
    .command('create')
    .description('make an API key, and its tenant if needed; the key is shown this once')
    .requiredOption('--tenant <name>', "the tenant's name")
    .option('--scope <scope...>', 'read, write, admin, operator, raw, or all', ['read', 'write'])
    .option('--name <text>', 'a label for the key', 'made with patchbay keys create')
    .option('--json', 'for machines')
    .action(async (options: { tenant: string; scope: string[]; name: string; json?: boolean }) => {
      const scopes = parseScopes(options.scope);
      const key = await withSession(({ db, clock }) =>
        db.system(async (em) => {
          const now = clock.now();
          const tenant = await ensureTenant(em, options.tenant, now);
          return createApiKey(em, tenant.id, options.name, scopes, now).key;
        }),
      );
      console.log(options.json ? JSON.stringify({ api_key: key, tenant: options.tenant }) : key);
    });
}
