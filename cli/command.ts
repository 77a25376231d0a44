import { CommanderError } from 'commander';
import { asCommand } from './audited.ts';
import { errorMessage } from './error-message.ts';
import { createProgram } from './program.ts';
import { UsageError } from './usage.ts';

/** Runs `patchbay` with these arguments, and sets the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await asCommand(() => createProgram().parseAsync(args, { from: 'user' }));
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      process.stderr.write(`patchbay: ${errorMessage(error)}\n`);
      process.exitCode = error instanceof UsageError ? 2 : 1;
    }
  }
}
