import type { Command } from 'commander';
import { migrate } from '../db/migrate.ts';
import { ConfigError } from '../platform/config.ts';
import { recordMigration } from './audited.ts';
import { environment } from './environment.ts';
import { print } from './print.ts';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the database schema up to date (DATABASE_URL: its owner)')
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const url = environment().DATABASE_URL;
      if (!url) throw new ConfigError('DATABASE_URL is not set: set it to the schema owner’s postgres:// address.');
      const applied = await migrate(url);
      if (applied.length) await recordMigration(url, applied);
      print({ applied }, options, () =>
        applied.length ? `applied ${applied.join(', ')}` : 'nothing to do: the schema is up to date',
      );
    });
}
