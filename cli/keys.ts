import type { Command } from 'commander';
import { createApiKey, ensureTenant, parseScopes } from '../db/queries/tenants/api-keys.ts';
import type { Scope } from '../domain/scopes.ts';
import { addEncryptionKeys } from './encryption-keys.ts';
import { tenantOption } from './environment.ts';
import { print } from './print.ts';
import { withContext } from './session.ts';
import { UsageError } from './usage.ts';

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('API keys, and the encryption keys of what is stored');
  keys
    .command('create')
    .description('make an API key, and its tenant if needed; the key is shown this once')
    .addOption(tenantOption())
    .option('--scope <scope...>', 'read, write, admin, operator, raw, or all', ['read', 'write'])
    .option('--name <text>', 'a label for the key', 'made with patchbay keys create')
    .option('--json', 'for machines')
    .action(async (options: { tenant: string; scope: string[]; name: string; json?: boolean }) => {
      const scopes = scopesOf(options.scope);
      const key = await withContext(({ db, vault, clock }) =>
        db.system(async (em) => {
          const now = clock.now();
          const tenant = await ensureTenant(em, vault, options.tenant, now);
          return createApiKey(em, tenant.id, options.name, scopes, now).key;
        }),
      );
      print({ api_key: key, tenant: options.tenant }, options, () => key);
    });
  addEncryptionKeys(keys);
}

function scopesOf(words: string[]): Scope[] {
  try {
    return parseScopes(words);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
