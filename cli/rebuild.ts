import type { Command } from 'commander';
import { createLog } from '../platform/log.ts';
import { rebuild } from '../workers/reconcile.ts';
import { withMotion } from './context.ts';
import { print } from './print.ts';
import { withSession } from './session.ts';

export function addRebuild(program: Command): void {
  program
    .command('rebuild')
    .description("after the loss of Temporal's database: makes everything that is open move again; safe at any time")
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const moved = await withSession((session) =>
        withMotion(session, (motion) =>
          rebuild({ db: session.db, clock: session.clock, log: createLog('cli', 'silent'), motion }),
        ),
      );
      print(
        moved,
        options,
        ({ connections, syncs }) => `told ${connections} accounts to look again, started ${syncs} syncs`,
      );
    });
}
