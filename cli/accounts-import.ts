import { canonicalText } from '../domain/text.ts';
import { Option, type Command } from 'commander';
import { importAccounts } from '../services/accounts/import-accounts.ts';
import type { ProviderName } from '../domain/channels.ts';
import { installedProviders } from '../services/boot.ts';
import { scopeNames } from '../domain/scopes.ts';
import { tenantOption } from './environment.ts';
import { print, table } from './print.ts';
import { tenantNamed, withContext } from './session.ts';

interface ImportOptions {
  tenant: string;
  provider: ProviderName;
  owner: string;
  only?: string[];
  dryRun?: boolean;
  json?: boolean;
}

export function addImport(accounts: Command): void {
  accounts
    .command('import')
    .description('take over accounts that already live at a provider; nothing is changed there')
    .addOption(tenantOption())
    .addOption(
      new Option('--provider <provider>', 'where they live')
        .choices(Object.keys(installedProviders))
        .makeOptionMandatory(),
    )
    .option('--owner <owner>', 'the owner of the accounts', canonicalText, 'unassigned')
    .option('--only <id...>', "only these, by the provider's own ids")
    .option('--dry-run', 'show what would be taken over, do nothing')
    .option('--json', 'for machines')
    .action(async (options: ImportOptions) => {
      const found = await bring(options);
      print(found, options, (lines) =>
        table(
          lines.map((line) => ({ ...line })),
          'no accounts live there',
        ),
      );
      if (found.some(({ outcome }) => outcome === 'not_found')) process.exitCode = 1;
    });
}

const bring = ({ tenant, provider, owner, only, dryRun }: ImportOptions) =>
  withContext(async (context) => {
    const { id: tenantId } = await tenantNamed(context.db, tenant);
    const principal = { tenantId, keyId: 'patchbay', scopes: scopeNames };
    return importAccounts(context, principal, {
      provider,
      owner,
      dry_run: dryRun ?? false,
      ...(only && { provider_account_ids: only }),
    });
  });
