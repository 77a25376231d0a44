#!/usr/bin/env node
import { CommanderError } from 'commander';
import { errorMessage } from './error-message.ts';
import { createProgram } from './program.ts';
import { UsageError } from './usage.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`patchbay: ${errorMessage(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
