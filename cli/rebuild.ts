import type { Command } from 'commander';
import { createLog } from '../platform/log.ts';
import { openMotion } from '../platform/temporal.ts';
import { rebuild } from '../workers/reconcile.ts';
import { withSession } from './session.ts';

export function addRebuild(program: Command): void {
  program
    .command('rebuild')
    .description("after the loss of Temporal's database: makes everything that is open move again; safe at any time")
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const moved = await withSession(async ({ config, db, vault, clock }) => {
        const motion = openMotion(config, vault);
        try {
          return await rebuild({ db, clock, log: createLog('cli', 'silent'), motion });
        } finally {
          await motion.close();
        }
      });
      console.log(
        options.json
          ? JSON.stringify(moved)
          : `told ${moved.connections} accounts to look again, started ${moved.syncs} syncs`,
      );
    });
}
