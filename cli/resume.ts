import type { Command } from 'commander';
import { resume } from './sending.ts';

/** The last step of a restore. */
export function addResume(program: Command): void {
  program
    .command('resume')
    .description('after a restore: sending and Schedules of all tenants go on (as patchbay sending resume)')
    .option('--json', 'for machines')
    .action(resume);
}
