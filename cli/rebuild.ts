import type { Command } from 'commander';
import { rebuild } from '../services/reconcile/rebuild.ts';
import { print } from './print.ts';
import { withContext } from './session.ts';

export function addRebuild(program: Command): void {
  program
    .command('rebuild')
    .description("after the loss of Temporal's database: makes everything that is open move again; safe at any time")
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const moved = await withContext(rebuild);
      print(
        moved,
        options,
        ({ connections, syncs, bulk }) =>
          `signalled ${connections} accounts, started ${syncs} syncs and ${bulk} bulk operations`,
      );
    });
}
