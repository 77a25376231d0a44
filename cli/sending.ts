import type { Command } from 'commander';
import { countPausedTenants, doubtSends, pauseSending, resumeSending } from '../db/queries/tenants/paused-sending.ts';
import { print } from './print.ts';
import { withContext } from './session.ts';

interface Json {
  json?: boolean;
}

/** Sending and Schedules: paused after a restore, until an operator resumes. */
export function addSending(program: Command): void {
  const sending = program
    .command('sending')
    .description('sending and Schedules, which are paused after a restore until they are resumed');
  sending
    .command('status')
    .description('how many tenants send nothing')
    .option('--json', 'for machines')
    .action(async (options: Json) => {
      const paused = await withContext(({ db }) => db.system(countPausedTenants));
      print({ paused }, options, () => (paused ? `paused for ${paused} tenants` : 'not paused'));
    });
  sending
    .command('pause')
    .description('pause sending and Schedules of all tenants')
    .option('--restored', 'the database is a copy from before: look for every open message before it is sent')
    .option('--json', 'for machines')
    .action(async (options: Json & { restored?: boolean }) => {
      const paused = await withContext(async ({ db, clock, temporal }) => {
        const n = await db.system(async (em) => {
          if (options.restored) await doubtSends(em, clock.now(), null);
          return pauseSending(em, clock.now());
        });
        await temporal.ensureSchedules(true);
        return n;
      });
      print({ paused }, options, () => `paused for ${paused} tenants`);
    });
  sending
    .command('resume')
    .description('resume sending and Schedules of all tenants')
    .option('--json', 'for machines')
    .action(resume);
}

/** Sending and Schedules of all tenants go on. */
export async function resume(options: Json): Promise<void> {
  const resumed = await withContext(async ({ db, temporal }) => {
    const n = await db.system(resumeSending);
    await temporal.ensureSchedules(false);
    return n;
  });
  print({ resumed }, options, () => `resumed for ${resumed} tenants`);
}
