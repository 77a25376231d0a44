#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { migrate } from '../db/migrate.ts';
import { ConfigError } from '../platform/config.ts';
import { addAccounts } from './accounts.ts';
import { environment } from './environment.ts';
import { addKeys } from './keys.ts';
import { addRebuild } from './rebuild.ts';
import { addSync } from './sync.ts';

const program = new Command('patchbay')
  .description("Keeps people's messaging accounts connected and their data in sync.")
  .exitOverride();

program
  .command('migrate')
  .description('bring the database schema up to date (DATABASE_URL: its owner)')
  .action(async () => {
    const url = environment().DATABASE_URL;
    if (!url) throw new ConfigError('DATABASE_URL is not set: set it to the schema owner’s postgres:// address.');
    const done = await migrate(url);
    console.log(done.length ? `applied ${done.join(', ')}` : 'nothing to do: the schema is up to date');
  });
addKeys(program);
addAccounts(program);
addSync(program);
addRebuild(program);

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`patchbay: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
