#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addAccounts } from './accounts.ts';
import { complaintOf } from './complaint.ts';
import { addDoctor } from './doctor.ts';
import { addKeys } from './keys.ts';
import { addMigrate } from './migrate.ts';
import { addRebuild } from './rebuild.ts';
import { addSync } from './sync.ts';
import { UsageError } from './usage.ts';
import { addWebhooks } from './webhooks.ts';

const program = new Command('patchbay')
  .description("Keeps people's messaging accounts connected and their data in sync.")
  .exitOverride()
  .addHelpText(
    'after',
    `
Works on the installation that DATABASE_URL and the other settings name; without them on the local stack that runs in
PATCHBAY_HOME. Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  );
addDoctor(program);
addAccounts(program);
addSync(program);
addWebhooks(program);
addKeys(program);
addRebuild(program);
addMigrate(program);

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`patchbay: ${complaintOf(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
