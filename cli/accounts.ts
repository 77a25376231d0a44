import type { Command } from 'commander';
import { Account } from '../db/entities/accounts.ts';
import { tenantNamed, withSession } from './session.ts';

export function addAccounts(program: Command): void {
  program
    .command('accounts')
    .description("list a tenant's accounts: state, reason, who must act")
    .requiredOption('--tenant <name>', "the tenant's name")
    .option('--json', 'for machines')
    .action(async (options: { tenant: string; json?: boolean }) => {
      const accounts = await withSession(async ({ db }) => {
        const tenant = await tenantNamed(db, options.tenant);
        return db.tenant(tenant.id, (em) => em.find(Account, { mergedInto: null }, { orderBy: { id: 'asc' } }));
      });
      const lines = accounts.map(({ id, provider, channel, owner, state, reason, who, since }) => ({
        id,
        provider,
        channel,
        owner,
        state,
        reason,
        who,
        since: since.toISOString(),
      }));
      if (options.json) console.log(JSON.stringify(lines));
      else if (lines.length) console.table(lines);
      else console.log('no accounts');
    });
}
