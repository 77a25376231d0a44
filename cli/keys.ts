import type { Command } from 'commander';
import { createApiKey, ensureTenant, parseScopes } from '../db/queries/tenants/api-keys.ts';
import { ApiKey } from '../db/entities/tenants.ts';
import { isId } from '../platform/ids.ts';
import type { Scope } from '../domain/scopes.ts';
import { addEncryptionKeys } from './encryption-keys.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
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
  keys
    .command('list')
    .description("list a tenant's API keys, revoked ones included")
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (options: { tenant: string; json?: boolean }) =>
      print(await list(options.tenant), options, (found) => table(found, 'no API keys')),
    );
  keys
    .command('revoke')
    .description('revoke an API key; within five seconds it no longer works')
    .argument('<id>', "the key's id")
    .addOption(tenantOption())
    .option('--json', 'for machines')
    .action(async (id: string, options: { tenant: string; json?: boolean }) =>
      print(await revoke(id, options.tenant), options, ({ prefix }) => `The key ${prefix}… is revoked.`),
    );
  addEncryptionKeys(keys);
}

const lineOf = ({ id, name, prefix, scopes, createdAt, revokedAt }: ApiKey) => ({
  id,
  name,
  prefix,
  scopes: scopes.join(','),
  created_at: createdAt.toISOString(),
  revoked_at: revokedAt?.toISOString() ?? null,
});

const list = (tenant: string) =>
  withContext(async ({ db }) => {
    const { id } = await tenantNamed(db, tenant);
    return (await db.tenant(id, (em) => em.find(ApiKey, {}, { orderBy: { id: 'asc' } }))).map(lineOf);
  });

const revoke = (id: string, tenant: string) =>
  withContext(async ({ db, clock }) => {
    const { id: tenantId } = await tenantNamed(db, tenant);
    return db.tenant(tenantId, async (em) => {
      const key = isId(id) ? await em.findOne(ApiKey, { id }) : null;
      if (!key) throw new Error(`tenant ${tenant} has no API key ${id}: patchbay keys list shows them`);
      key.revokedAt ??= clock.now();
      return lineOf(key);
    });
  });

function scopesOf(words: string[]): Scope[] {
  try {
    return parseScopes(words);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
